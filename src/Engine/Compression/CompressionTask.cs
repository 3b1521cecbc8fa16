using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Compression;

/// <summary>Training of a plan's compressor, phase by phase, with a discriminator beside it where a phase weighs its judgement.</summary>
public sealed class CompressionTask : TrainingTask
{
    private const string PerceptualStream = "perceptual";

    private readonly CompressionPlan _plan;
    private readonly PhaseSchedule _schedule;
    private readonly CompressionModel _model;
    private readonly nn.Module<Tensor, Tensor>? _discriminator;
    private readonly PerceptualLoss? _perceptual;
    private readonly ReconstructionValidator? _validator;
    private readonly TrainedModule _compressor;
    private readonly TrainedModule? _judge;
    private readonly HashSet<IntPtr> _head;
    private bool _namesChecked;

    /// <summary>Builds the compressor with what training keeps beside it.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="validation">Whole volumes to validate on, or null where the cohort has none.</param>
    /// <param name="context">Device, precision, random streams.</param>
    /// <param name="collective">The processes that train together, of which there can be only one so far.</param>
    /// <exception cref="PlanException">
    /// The perceptual network is not named, not there, or not TorchScript; or there are several processes.
    /// </exception>
    public CompressionTask(CompressionPlan plan, IBatchSource? validation, PartContext context, ICollective? collective = null)
        : base(plan.Training, context, collective)
    {
        Require(Collective.Size);
        plan.ValidateNetwork();
        (_plan, _schedule) = (plan, new PhaseSchedule(plan));
        _validator = validation is { Count: > 0 } ? new ReconstructionValidator(plan, validation) : null;
        _perceptual = plan.Weighs(LossNames.Perceptual)
            ? new PerceptualLoss(plan.Training.Perceptual!, (plan.Seen.Height, plan.Seen.Width), context.Device)
            : null;
        _model = CompressionModel.Create(plan, context);
        _model.Compressor.train();
        _compressor = new TrainedModule(Component.Compressor, _model.Compressor, plan.Training);
        _head = [.. _model.Compressor.Head.Select(parameter => parameter.Handle)];
        Modules = [_compressor];
        if (!plan.Weighs(LossNames.Adversarial))
            return;
        _discriminator = MixedPrecision.Prepare(context, PatchDiscriminator.Create(plan.Compression.Discriminator, context.Device));
        _discriminator.train();
        _judge = new TrainedModule(Component.Discriminator, _discriminator, plan.Training with { Ema = null, EmaLengths = null });
        Modules = [_compressor, _judge];
    }

    /// <summary>
    /// Refuses several processes: a codebook follows the whole batch, and a discriminator's norms measure it; neither is put
    /// together from shares yet.
    /// </summary>
    /// <exception cref="PlanException">There are several.</exception>
    public static void Require(int processes)
    {
        if (processes > 1)
            throw new PlanException(
                $"compressors are trained by one process, and here are {processes}; start one (denoisers train on several)").In(
                    "compressor");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TrainedModule> Modules { get; }

    /// <summary>The weighted sum, as the original calls it.</summary>
    public override string LossName => "Generator";

    /// <inheritdoc/>
    public override double LearningRate(int epoch) => _schedule.LearningRate(epoch);

    /// <summary>Each phase has a loss of its own.</summary>
    public override int LossKind(int epoch) => _schedule.Index(epoch);

    /// <summary>volumes → compressor → losses of the phase → gradient → optimiser → average; then the discriminator's step.</summary>
    public override StepOutcome Step(Batch batch, long step, int epoch)
    {
        using var scope = NewDisposeScope();
        var phase = _schedule.At(epoch);
        Enter(phase);
        var volume = Mixed(batch.Images[PooledImages.Image]).to(_model.Device);
        var pass = Pass(volume, phase);
        var losses = Losses(phase, pass, volume, batch.RealSlices.Min());
        var loss = losses.Where(term => phase.Weight(term.Key) > 0)
            .Select(term => term.Value * S(phase.Weight(term.Key))).Aggregate((sum, term) => sum + term);
        var (value, norm) = Descend(loss, [_compressor], LearningRate(epoch), step);

        var measures = losses.ToDictionary(term => $"loss/{term.Key}", term => (double)term.Value.item<float>());
        foreach (var (name, number) in pass.Measures)
            measures[name] = number;
        if (phase.Weight(LossNames.Adversarial) > 0)
            Judge(volume, pass.Reconstruction.detach(), batch.RealSlices.Min(), epoch, step, measures);
        return new StepOutcome(value, norm) { Measures = measures };
    }

    /// <inheritdoc/>
    public override Validation? Validate()
    {
        if (_validator is null)
            return null;
        using var averaged = _compressor.Average?.Swap();
        return _validator.Run(_model);
    }

    /// <inheritdoc/>
    protected override double Probe(Batch batch) =>
        _model.Reconstruct(batch.Images[PooledImages.Image].to(_model.Device)).mean().item<float>();

    /// <summary>
    /// Masks that are mixed with others of the step, where the plan says so: slice by slice where slices were drawn, else sample by sample.
    /// </summary>
    private Tensor Mixed(Tensor volume)
    {
        if (_plan.Compression.Mixing is not { } options)
            return volume;
        var mixing = new MaskMixing(options);
        var random = Context.Random[RandomStreams.Dropout];
        return _plan.Compression.Slices is null
            ? mixing.Apply(volume, random)
            : mixing.Apply(volume.transpose(1, 2).flatten(0, 1), random).unflatten(0, [volume.shape[0], volume.shape[2]]).transpose(1, 2);
    }

    /// <summary>
    /// Lets gradients go where the phase trains, and nowhere else, so that no other parameter moves; nor do running statistics.
    /// </summary>
    private void Enter(PhaseOptions phase)
    {
        if (_model.Compressor.training != (phase.Trains == TrainedPart.All))
            _model.Compressor.train(phase.Trains == TrainedPart.All);
        foreach (var parameter in _compressor.Parameters)
            parameter.requires_grad = phase.Trains == TrainedPart.All || _head.Contains(parameter.Handle);
        foreach (var module in Modules)
            (module.Optimizer.Beta1, module.Optimizer.Beta2) = (phase.Beta1 ?? Options.Beta1, phase.Beta2 ?? Options.Beta2);
    }

    /// <summary>A phase that trains the head does without the training pass, which would move a codebook.</summary>
    private CompressorPass Pass(Tensor volume, PhaseOptions phase)
    {
        if (phase.Trains == TrainedPart.Head)
            return new CompressorPass { Reconstruction = _model.Reconstruct(volume) };
        var pass = _model.TrainingPass(volume);
        if (!_namesChecked)
            PhaseRules.ValidateNames(_plan, [.. pass.Losses.Keys]);
        _namesChecked = true;
        return pass;
    }

    /// <summary>The losses that the phase weighs, and all of the compressor's own, without their weights.</summary>
    private Dictionary<string, Tensor> Losses(PhaseOptions phase, CompressorPass pass, Tensor volume, int realSlices)
    {
        var losses = new Dictionary<string, Tensor>(pass.Losses);
        var (real, made) = (Apart(volume.narrow(2, 0, realSlices)), Apart(pass.Reconstruction.narrow(2, 0, realSlices)));
        foreach (var (name, loss) in ReconstructionLosses.ByName.Where(loss => phase.Weight(loss.Key) > 0))
            losses[name] = loss(made, real);
        if (phase.Weight(LossNames.Perceptual) > 0)
            losses[LossNames.Perceptual] = _perceptual!.Of(made, real, Context.Random[PerceptualStream]);
        if (phase.Weight(LossNames.Adversarial) > 0)
        {
            SetTrained(_judge!, false); // its gradient would only be thrown away
            losses[LossNames.Adversarial] = PatchDiscriminator.Loss(Logits(pass.Reconstruction, realSlices), real: true);
        }

        return losses;
    }

    /// <summary>Slices that were drawn at random as samples of one slice each, because those beside each other are no neighbours.</summary>
    private Tensor Apart(Tensor volume) => _plan.Compression.Slices is null ? volume : volume.transpose(1, 2).flatten(0, 1).unsqueeze(2);

    /// <summary>
    /// The discriminator's own step, after the compressor's: half of each loss, on the volumes and on what was made of them.
    /// </summary>
    private void Judge(Tensor volume, Tensor reconstruction, int realSlices, int epoch, long step, Dictionary<string, double> measures)
    {
        SetTrained(_judge!, true);
        var (real, made) = (
            PatchDiscriminator.Loss(Logits(volume, realSlices), real: true),
            PatchDiscriminator.Loss(Logits(reconstruction, realSlices), real: false));
        var (loss, norm) = Descend((real + made) * S(0.5), [_judge!], _schedule.DiscriminatorLearningRate(epoch), step);
        (measures["discriminator/loss"], measures["discriminator/grad_norm"]) = (loss, norm);
        (measures["discriminator/real"], measures["discriminator/reconstructed"]) = (real.item<float>(), made.item<float>());
    }

    /// <summary>
    /// The discriminator's map of logits, in float32. It sees the real slices, and padding only where they are fewer than it needs.
    /// </summary>
    private Tensor Logits(Tensor volume, int realSlices)
    {
        var slices = Math.Max(realSlices, PatchDiscriminator.SmallestSize(_plan.Compression.Discriminator));
        return _model.InPrecision(() => _discriminator!.call(volume.narrow(2, 0, slices)));
    }

    private static void SetTrained(TrainedModule module, bool trained)
    {
        foreach (var parameter in module.Parameters)
            parameter.requires_grad = trained;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        foreach (var module in Modules)
            module.Dispose();
        _discriminator?.Dispose();
        _perceptual?.Dispose();
        _model.Dispose();
    }
}
