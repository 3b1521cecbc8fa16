using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Runs.Events;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>Writes what training measures, to <c>metrics.jsonl</c> and as TensorBoard events.</summary>
/// <param name="run">The run.</param>
/// <param name="position">Where training begins or goes on; what was written of later is dropped.</param>
/// <param name="loss">What the loss is called.</param>
/// <param name="context">Device and clock.</param>
/// <param name="warn">Is told what cannot be written.</param>
internal sealed class TrainingLog(RunFolder run, TrainingPosition position, string loss, PartContext context, Action<string> warn)
    : IDisposable
{
    private const double Mebibyte = 1 << 20;

    private readonly MetricsLog _lines = MetricsLog.Continue(run.Metrics, position.Step, warn);
    private readonly EventLog _events = EventLog.Continue(
        run.Events, position.Step, tag => IsOfSteps(tag) ? position.Step : position.Epoch, context.Clock, warn);

    public void Step(StepFacts facts)
    {
        _lines.Add(new MetricsEntry
        {
            Kind = "step",
            Step = facts.Step,
            Epoch = facts.Epoch - 1,
            Loss = facts.Outcome.Loss,
            LearningRate = facts.LearningRate,
            GradientNorm = facts.Outcome.GradientNorm,
            Measures = WithSkipped(facts.Outcome.Measures, facts.Outcome.Skipped ? 1 : 0),
            Seconds = facts.Seconds,
        });
        _events.Add($"Loss/{loss}{OfSteps}", facts.Outcome.Loss, facts.Step);
        _events.Add(GradientNorm, facts.Outcome.GradientNorm, facts.Step);
        foreach (var (name, value) in facts.Outcome.Measures)
            _events.Add(Measure + name, value, facts.Step);
    }

    private const string OfSteps = "_step", GradientNorm = "training/grad_norm", Measure = "step/";

    /// <summary>Whether a tag's numbers belong to steps; all others belong to epochs.</summary>
    private static bool IsOfSteps(string tag) =>
        tag == GradientNorm
        || tag.StartsWith(Measure, StringComparison.Ordinal)
        || (tag.StartsWith("Loss/", StringComparison.Ordinal) && tag.EndsWith(OfSteps, StringComparison.Ordinal));

    public void Epoch(EpochFacts facts, long step, double learningRate, double gradientNorm)
    {
        _lines.Add(new MetricsEntry
        {
            Kind = "epoch",
            Step = step,
            Epoch = facts.Epoch,
            Loss = facts.Loss,
            LearningRate = learningRate,
            GradientNorm = gradientNorm,
            ValidationLoss = facts.Validation?.Loss,
            Measures = WithSkipped(Together(facts.Validation?.Measures, facts.Generation?.Measures), facts.Skipped),
            Seconds = facts.Seconds,
            GenerationSeconds = facts.Generation?.Seconds,
            CheckpointSeconds = facts.CheckpointSeconds,
            ResidentMebibytes = MemoryStatistics.Resident / Mebibyte,
            PeakMebibytes = MemoryStatistics.PeakResident / Mebibyte,
            DeviceMebibytes = MemoryStatistics.Accelerator(context.Device) is { } memory ? (memory.Total - memory.Free) / Mebibyte : null,
        });
        _events.Add($"Loss/{loss}_train", facts.Loss, facts.Epoch);
        _events.Add("LR/Generator", learningRate, facts.Epoch);
        if (facts.Skipped > 0)
            _events.Add("training/skipped", facts.Skipped, facts.Epoch);
        _events.Add("training/grad_norm_avg", gradientNorm, facts.Epoch);
        foreach (var (name, value) in facts.Generation?.Measures ?? new Dictionary<string, double>())
            _events.Add(name, value, facts.Epoch);
        if (facts.Validation is not { } validation)
            return;
        _events.Add($"Loss/{loss}_val", validation.Loss, facts.Epoch);
        foreach (var (name, value) in validation.Measures)
            _events.Add(name, value, facts.Epoch);
    }

    /// <summary>Drops the lines after the checkpoint that training went back to, and says so in one of its own.</summary>
    /// <param name="run">The run; no log of it is open.</param>
    /// <param name="from">Where training had come to.</param>
    /// <param name="to">Where it goes on.</param>
    /// <param name="guard">The guard, after going back.</param>
    /// <param name="learningRate">Learning rate from there on.</param>
    /// <param name="warn">Is told what cannot be written.</param>
    public static void WentBack(
        RunFolder run, TrainingPosition from, TrainingPosition to, TrainingGuard guard, double learningRate, Action<string> warn)
    {
        using var lines = MetricsLog.Continue(run.Metrics, to.Step, warn);
        var measured = Math.Max(1, from.StepInEpoch - from.NonFiniteInEpoch);
        lines.Add(new MetricsEntry
        {
            Kind = "rollback",
            Step = to.Step,
            Epoch = to.Epoch,
            Loss = from.LossSum / measured,
            LearningRate = learningRate,
            GradientNorm = from.GradientNormSum / measured,
            Measures = new Dictionary<string, double>
            {
                ["guard/from_step"] = from.Step,
                ["guard/rollbacks"] = guard.Rollbacks,
                ["guard/skipped"] = guard.Skipped,
            },
            Seconds = 0,
        });
    }

    private static IReadOnlyDictionary<string, double>? Together(
        IReadOnlyDictionary<string, double>? first, IReadOnlyDictionary<string, double>? second) =>
        first is null || second is null ? first ?? second : first.Concat(second).ToDictionary();

    private static IReadOnlyDictionary<string, double>? WithSkipped(IReadOnlyDictionary<string, double>? measures, int skipped)
    {
        if (skipped > 0)
            return new Dictionary<string, double>(measures ?? new Dictionary<string, double>()) { ["guard/skipped"] = skipped };
        return measures is { Count: > 0 } ? measures : null;
    }

    public void Dispose()
    {
        _lines.Dispose();
        _events.Dispose();
    }
}
