using TorchSharp;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>Writes what training measures, to <c>metrics.jsonl</c> and as TensorBoard events.</summary>
internal sealed class TrainingLog(RunFolder run, long step, string loss) : IDisposable
{
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
            Measures = facts.Outcome.Measures is { Count: > 0 } measures ? measures : null,
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
            Measures = facts.Validation?.Measures is { Count: > 0 } measures ? measures : null,
            Seconds = facts.Seconds,
            ResidentMebibytes = MemoryStatistics.Resident / 1048576.0,
        });
        _events.add_scalar($"Loss/{loss}_train", (float)facts.Loss, facts.Epoch);
        _events.add_scalar("LR/Generator", (float)learningRate, facts.Epoch);
        _events.add_scalar("training/grad_norm_avg", (float)gradientNorm, facts.Epoch);
        if (facts.Validation is not { } validation)
            return;
        _events.add_scalar($"Loss/{loss}_val", (float)validation.Loss, facts.Epoch);
        foreach (var (name, value) in validation.Measures)
            _events.add_scalar(name, (float)value, facts.Epoch);
    }

    public void Dispose() => _lines.Dispose();
}
