using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>Training of a plan's denoiser.</summary>
public sealed class DiffusionTask : TrainingTask
{
    private readonly ExperimentPlan _plan;
    private readonly DiffusionModel _model;
    private readonly TrainingAugmentations _augmentations;
    private readonly Validator? _validator;
    private readonly BatchShare _computedShare = BatchShare.Whole;
    private readonly IGenerationMeter? _meter;
    private readonly PerceptualLoss? _perceptual;

    /// <summary>Builds the model with what training keeps beside it.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="validation">Samples to validate on, or null where the cohort has none.</param>
    /// <param name="context">Device, precision, random streams.</param>
    /// <param name="frozen">Weights that are used and not trained, and the latents' statistics; null for fresh weights.</param>
    /// <param name="collective">The processes that train together; by default this one alone.</param>
    /// <param name="meter">Measures what the model generates, and is disposed; null where nothing does.</param>
    public DiffusionTask(
        ExperimentPlan plan,
        IBatchSource? validation,
        PartContext context,
        FrozenParts? frozen = null,
        ICollective? collective = null,
        IGenerationMeter? meter = null)
        : base(plan.Training, context, collective)
    {
        (_plan, _meter) = (plan, meter);
        var share = BatchSplit.Share(plan.Training, Collective);
        _validator = validation is { Count: > 0 } ? new Validator(plan, validation, Collective) : null;
        PlanChecks.RefusePlateauWithoutValidation(plan.Training, _validator is not null);
        _model = DiffusionModel.Create(plan, context, frozen);
        _perceptual = plan.Training is { Loss: DenoiserLoss.LpipsHuber, Perceptual: { } perceptual }
            ? new PerceptualLoss(perceptual, (plan.Data.Height, plan.Data.Width), context.Device)
            : null;
        _augmentations = new TrainingAugmentations(plan, _model, context.Random);
        // what mixes samples needs them all; only the network is then spared the others'
        (Share, _computedShare) = _augmentations.MixSamples ? (BatchShare.Whole, share) : (share, BatchShare.Whole);
        Modules = StartFrom(plan.Training.From is null ? null : frozen);
        _model.Train(on: true);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TrainedModule> Modules { get; }

    /// <inheritdoc/>
    public override BatchShare Share { get; }

    private RandomStreams Random => Context.Random;

    /// <summary>The modules with what training keeps beside them; where weights were taken over, averages begin at these.</summary>
    private TrainedModule[] StartFrom(FrozenParts? start)
    {
        var modules = new List<TrainedModule>();
        foreach (var (component, module) in _model.Trained())
        {
            var name = component == Component.Conditioning ? FrozenParts.StartConditioning : FrozenParts.Start;
            if (start is not null && (component == Component.Denoiser || (component == Component.Conditioning && start.Has(name))))
                Load(start, name, module);
            if (component == Component.Denoiser)
                FrozenParameters.Freeze(module, _plan.Training.Freeze);
            modules.Add(new TrainedModule(component, module, _plan.Training));
            if (start?.Has(FrozenParts.StartAverageOf(name)) == true)
            {
                using var average = start.Read(FrozenParts.StartAverageOf(name));
                modules[^1].StartAverage(average, start.Require(FrozenParts.StartAverageOf(name)).Step, average.Source);
            }

            if (start?.Has(FrozenParts.StartOptimizerOf(name)) != true)
                continue;
            using var moments = start.Read(FrozenParts.StartOptimizerOf(name));
            modules[^1].Optimizer.Load(moments, FrozenParts.StartOptimizerOf(name));
        }

        return [.. modules];
    }

    private void Load(FrozenParts start, string name, nn.Module module)
    {
        if (_plan.Training.FromTensors == StartingTensors.Matching)
            start.LoadPart(name, module);
        else
            start.Load(name, module);
    }

    /// <summary>batch → compressor → noise and target → augmentation → denoiser → loss → gradient → optimiser → average.</summary>
    public override StepOutcome Step(Batch batch, long step, int epoch)
    {
        using var scope = torch.NewDisposeScope();
        batch = _augmentations.AugmentVolumes(batch);
        var (clean, condition) = _model.Encode(batch);
        condition = DropCondition(condition, clean.shape[0]);
        var keptChannels = DrawKeptChannels(clean.shape[1]);
        var noised = AddNoise(clean, _model.Augmented(condition.Image, clean.shape[0]), keptChannels) with
        {
            VoxelWeights = VoxelWeights(batch),
        };
        // of what mixes samples, which conditions other than images do not go together with, this process computes its share
        var terms = _augmentations.AugmentTerm(noised).Select(term => term.Rows(_computedShare.Rows)).ToArray();

        ZeroGradients(Modules);
        _model.Merge();
        var total = 0.0;
        foreach (var microBatch in MicroBatch.Split(Options))
        {
            using var activations = torch.NewDisposeScope(); // freed before the next ones
            Tensor? loss = null;
            foreach (var term in terms.Select(term => term.Rows(microBatch.Rows)))
            {
                var told = _model.WithAugmented(condition.Rows(microBatch), term.Condition) with { Omega = term.Omega };
                var prediction = _model.Predict(term.Noisy, term.Timesteps, told);
                var termLoss = Loss(prediction, term, batch.RealSlices, keptChannels);
                loss = loss is null ? termLoss : loss + termLoss;
            }

            total += _plan.Architecture.Run(() => Backward(loss! / S((double)microBatch.Count)));
        }

        _model.Adapter?.TakeGradients();
        var (mean, gradientNorm) = Update((float)total, Modules, LearningRate(epoch), step);
        return new StepOutcome(mean, gradientNorm);
    }

    /// <inheritdoc/>
    public override Validation? Validate() => _validator is null ? null : Averaged(() => _validator.Run(_model));

    /// <inheritdoc/>
    public override int GenerateEvery => _meter?.Every ?? 0;

    /// <inheritdoc/>
    protected override GenerationMeasures? Generate() => _meter is null ? null : Averaged(() =>
    {
        _model.Train(on: false);
        try
        {
            return _meter.Measure(_model);
        }
        finally
        {
            _model.Train(on: true);
        }
    });

    /// <summary>Looks at the model with the averaged weights where there are any.</summary>
    private T Averaged<T>(Func<T> look)
    {
        var averaged = Modules.Select(module => module.Average?.Swap()).ToArray();
        try
        {
            _model.Merge();
            return look();
        }
        finally
        {
            foreach (var swapped in averaged)
                swapped?.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override double Probe(Batch batch)
    {
        _model.Merge();
        var (clean, condition) = _model.Encode(batch);
        var term = AddNoise(clean, condition.Image, keptChannels: null);
        return _model.Predict(term.Noisy, term.Timesteps, condition).mean().item<float>();
    }

    /// <summary>The noisy latent at times that are drawn, and what the denoiser should make of it.</summary>
    private TrainingTerm AddNoise(Tensor clean, Tensor? condition, Tensor? keptChannels)
    {
        var noise = DrawNoise(clean.shape).to(_model.Device);
        if (keptChannels is not null)
            (clean, noise) = (clean * keptChannels, noise * keptChannels);
        var timesteps = Draw(clean.shape[0], DrawTimesteps).to(_model.Device);
        return new TrainingTerm
        {
            Clean = clean,
            Noise = noise,
            Timesteps = timesteps,
            Noisy = _plan.Strategy.Checked(
                "adds noise to", _model.OfProcess(process => process.AddNoise(clean, noise, timesteps)), clean.shape, _model.Device),
            Target = _plan.Strategy.Checked(
                "has the network learn", _model.OfProcess(process => process.Target(clean, noise, timesteps)), clean.shape, _model.Device),
            Condition = condition,
        };
    }

    private Tensor DrawTimesteps(long batch) => _plan.Strategy.Checked(
        "draws timesteps", _model.OfProcess(process => process.SampleTimesteps(batch, Random[RandomStreams.Timestep])), [batch], torch.CPU);

    /// <summary>
    /// What is drawn for a whole batch, of which this process keeps its share: so the streams go on alike in all
    /// processes, as in one alone.
    /// </summary>
    private Tensor Draw(long samples, Func<long, Tensor> draw) => Share.Rows(draw(samples * Share.Size));

    /// <summary>
    /// Standard normal noise. Each sample has a generator of its own, seeded by the stream, so that no process has to draw the others'.
    /// </summary>
    private Tensor DrawNoise(long[] shape)
    {
        var seeds = Draw(
            shape[0], batch => torch.randint(long.MaxValue, [batch], ScalarType.Int64, generator: Random[RandomStreams.Noise]));
        return torch.stack([.. seeds.data<long>().Select(seed =>
        {
            using var random = new Generator((ulong)seed, torch.CPU);
            return torch.randn(shape[1..], generator: random);
        })]);
    }

    /// <summary>
    /// Weights of voxels for what moves voxels: padding, which counts nothing, has to move with them. Null where no augmentation could move
    /// it and all tumours weigh alike.
    /// </summary>
    private Tensor? VoxelWeights(Batch batch)
    {
        if (batch.LossWeights is null && (_augmentations.AreNone || batch.RealSlices.Min() == _plan.Shape.Volume.Depth))
            return null;
        return _model.Losses.Unpadded(batch.LossWeights?.to(_model.Device), batch.RealSlices);
    }

    /// <summary>1 in a random number of leading channels and 0 in the others, <c>[1, C, 1, 1, 1]</c>; null where all are kept.</summary>
    private Tensor? DrawKeptChannels(long channels)
    {
        if (!_plan.Training.AugmentedDiffusion)
            return null;
        var prefixes = _model.LatentPrefixes;
        var drawn = torch.randint(0, prefixes.Count, [1], generator: Random[RandomStreams.Dropout]).item<long>();
        return torch.arange(S(channels), device: _model.Device)
            .lt(S((long)prefixes[(int)drawn])).to(ScalarType.Float32).view(1, -1, 1, 1, 1);
    }

    /// <summary>The mean loss of a prediction, with the term's weight.</summary>
    private Tensor Loss(Tensor prediction, TrainingTerm term, IReadOnlyList<int> realSlices, Tensor? keptChannels)
    {
        if (keptChannels is not null)
            prediction = prediction * keptChannels;
        var losses = term.VoxelWeights is { } weights
            ? _model.Losses.Weighted(prediction, term.Target, realSlices, weights)
            : _model.Losses.Of(prediction, term.Target, realSlices);
        if (keptChannels is not null)
            // over the kept channels alone: the mean divides by all of them, and predictions of the others do not count
            losses = losses / keptChannels.mean();
        if (_model.Losses.Weight(term.Timesteps) is { } weight)
            losses = losses * weight;
        var loss = losses.mean();
        if (_perceptual is not null)
            loss = loss + Perceptual(prediction.to(ScalarType.Float32), term, realSlices);
        return loss * S(term.Weight);
    }

    /// <summary>The distance of features between the clean volumes that a prediction and its target imply.</summary>
    private Tensor Perceptual(Tensor prediction, TrainingTerm term, IReadOnlyList<int> realSlices)
    {
        return _perceptual!.Of(Volumes(prediction), Volumes(term.Target).detach(), Random[RandomStreams.Dropout]);

        // each channel is an image, [B·C, 1, D, H, W]
        Tensor Volumes(Tensor of)
        {
            var volume = _model.Restored(_model.OfProcess(process => process.Clean(term.Noisy, of, term.Timesteps)));
            return volume.narrow(2, 0, realSlices.Min()).flatten(0, 1).unsqueeze(1);
        }
    }

    /// <summary>Leaves each sample's condition away with the plan's probability.</summary>
    private ModelCondition DropCondition(ModelCondition condition, long samples) => _plan.Condition.Dropout == 0
        ? condition
        : condition.Keep(
            Draw(samples, batch => torch.rand([batch], generator: Random[RandomStreams.Dropout])).ge(S(_plan.Condition.Dropout)));

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _meter?.Dispose();
        _perceptual?.Dispose();
        foreach (var module in Modules)
            module.Dispose();
        _model.Dispose();
    }
}
