using TorchSharp;
using VoxelZoo.Engine.Checkpoints;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>Writes what training measures, to <c>metrics.jsonl</c> and as TensorBoard events.</summary>
internal sealed class TrainingLog(RunFolder run, long step, string loss, torch.Device device) : IDisposable
{
    private const double Mebibyte = 1 << 20;

    private readonly MetricsLog _lines = MetricsLog.Continue(run.Metrics, step);
    private readonly TorchSharp.Modules.SummaryWriter _events = torch.utils.tensorboard.SummaryWriter(run.Events, createRunName: false);

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
        var at = (int)facts.Step;
        _events.add_scalar($"Loss/{loss}_step", (float)facts.Outcome.Loss, at);
        _events.add_scalar("training/grad_norm", (float)facts.Outcome.GradientNorm, at);
        foreach (var (name, value) in facts.Outcome.Measures)
            _events.add_scalar($"step/{name}", (float)value, at);
    }

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
            Measures = WithSkipped(facts.Validation?.Measures, facts.Skipped),
            Seconds = facts.Seconds,
            CheckpointSeconds = facts.CheckpointSeconds,
            ResidentMebibytes = MemoryStatistics.Resident / Mebibyte,
            PeakMebibytes = MemoryStatistics.PeakResident / Mebibyte,
            DeviceMebibytes = MemoryStatistics.Accelerator(device) is { } memory ? (memory.Total - memory.Free) / Mebibyte : null,
        });
        _events.add_scalar($"Loss/{loss}_train", (float)facts.Loss, facts.Epoch);
        _events.add_scalar("LR/Generator", (float)learningRate, facts.Epoch);
        if (facts.Skipped > 0)
            _events.add_scalar("training/skipped", facts.Skipped, facts.Epoch);
        _events.add_scalar("training/grad_norm_avg", (float)gradientNorm, facts.Epoch);
        if (facts.Validation is not { } validation)
            return;
        _events.add_scalar($"Loss/{loss}_val", (float)validation.Loss, facts.Epoch);
        foreach (var (name, value) in validation.Measures)
            _events.add_scalar(name, (float)value, facts.Epoch);
    }

    /// <summary>Drops the lines after the checkpoint that training went back to, and says so in one of its own.</summary>
    /// <param name="run">The run; no log of it is open.</param>
    /// <param name="from">Where training had come to.</param>
    /// <param name="to">Where it goes on.</param>
    /// <param name="guard">The guard, after going back.</param>
    /// <param name="learningRate">Learning rate from there on.</param>
    public static void WentBack(RunFolder run, TrainingPosition from, TrainingPosition to, TrainingGuard guard, double learningRate)
    {
        using var lines = MetricsLog.Continue(run.Metrics, to.Step);
        var measured = Math.Max(1, from.StepInEpoch - from.NonFiniteInEpoch);
        lines.Add(new MetricsEntry
        {
            Kind = "rollback",
            Step = to.Step,
            Epoch = to.Epoch,
            Loss = from.LossSum / measured,
            LearningRate = learningRate,
            GradientNorm = from.GradientNormSum / measured,
            Measures = new Dictionary<string, double> { ["guard/from_step"] = from.Step, ["guard/rollbacks"] = guard.Rollbacks, ["guard/skipped"] = guard.Skipped },
            Seconds = 0,
        });
    }

    private static IReadOnlyDictionary<string, double>? WithSkipped(IReadOnlyDictionary<string, double>? measures, int skipped)
    {
        if (skipped > 0)
            return new Dictionary<string, double>(measures ?? new Dictionary<string, double>()) { ["guard/skipped"] = skipped };
        return measures is { Count: > 0 } ? measures : null;
    }

    public void Dispose() => _lines.Dispose();
}
