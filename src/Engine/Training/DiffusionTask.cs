using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Training;

/// <summary>Training of a plan's denoiser.</summary>
public sealed class DiffusionTask : TrainingTask
{
    private readonly ExperimentPlan _plan;
    private readonly DiffusionModel _model;
    private readonly Augmentation[] _augmentations;
    private readonly Validator? _validator;

    /// <summary>Builds the model with what training keeps beside it.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="validation">Samples to validate on, or null where the cohort has none.</param>
    /// <param name="context">Device, precision, random streams.</param>
    public DiffusionTask(ExperimentPlan plan, IBatchSource? validation, PartContext context)
        : base(plan.Training, context)
    {
        _plan = plan;
        _augmentations = [.. plan.Augmentations.Select(planned => planned.Call((a, options) => a.Create(options, plan.Shape, context)))];
        _validator = validation is { Count: > 0 } ? new Validator(plan, validation) : null;
        _model = DiffusionModel.Create(plan, context); // last, so that nothing is left to free when another part refuses
        Modules = [new TrainedModule("denoiser", _model.Denoiser, plan.Training, "optimizer", "ema")];
        _model.Denoiser.train();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TrainedModule> Modules { get; }

    private RandomStreams Random => Context.Random;

    /// <summary>batch → compressor → noise and target → augmentation → denoiser → loss → gradient → optimiser → average.</summary>
    public override StepOutcome Step(Batch batch, long step, int epoch)
    {
        using var scope = torch.NewDisposeScope();
        var (clean, condition) = _model.Encode(batch.Images);
        var terms = Augment(Noised(clean, Drop(condition)));
        var loss = terms.Select(term => Loss(term, batch.RealSlices)).Aggregate((sum, term) => sum + term);
        var (value, norm) = Descend(loss, Modules, LearningRate(epoch), step);
        return new StepOutcome(value, norm);
    }

    /// <inheritdoc/>
    public override Validation? Validate()
    {
        if (_validator is null)
            return null;
        var averaged = Modules.Select(module => module.Average?.Swap()).ToArray();
        try
        {
            return _validator.Run(_model);
        }
        finally
        {
            foreach (var swapped in averaged)
                swapped?.Dispose();
        }
    }

    private TrainingTerm Noised(Tensor clean, Tensor? condition)
    {
        var noise = torch.randn(clean.shape, generator: Random[RandomStreams.Noise]).to(_model.Device);
        var timesteps = _model.Process.SampleTimesteps(clean.shape[0], Random[RandomStreams.Timestep]).to(_model.Device);
        return new TrainingTerm
        {
            Clean = clean,
            Noise = noise,
            Timesteps = timesteps,
            Noisy = _model.Process.AddNoise(clean, noise, timesteps),
            Target = _model.Process.Target(clean, noise, timesteps),
            Condition = condition,
        };
    }

    private IEnumerable<TrainingTerm> Augment(TrainingTerm term) =>
        _augmentations.Aggregate(
            (IEnumerable<TrainingTerm>)[term],
            (terms, augmentation) => [.. terms.SelectMany(t => augmentation.Apply(t, _model.Process, Random[RandomStreams.Dropout]))]);

    private Tensor Loss(TrainingTerm term, IReadOnlyList<int> realSlices)
    {
        var prediction = _model.Predict(term.Noisy, term.Timesteps, new Conditioning { Image = term.Condition });
        var losses = _model.SampleLosses(prediction, term.Target, realSlices);
        if (_model.Process.LossWeight(term.Timesteps) is { } weight)
            losses = losses * weight;
        return losses.mean() * S(term.Weight);
    }

    /// <summary>Replaces each sample's condition by zeros with the plan's probability.</summary>
    private Tensor? Drop(Tensor? condition)
    {
        if (condition is null || _plan.Condition.Dropout == 0)
            return condition;
        var kept = torch.rand([condition.shape[0], 1, 1, 1, 1], generator: Random[RandomStreams.Dropout]).ge(S(_plan.Condition.Dropout));
        return condition * kept.to(condition.dtype).to(condition.device);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var module in Modules)
            module.Dispose();
        _model.Dispose();
    }
}
