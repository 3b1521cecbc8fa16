using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// The parts of a plan, built: from volumes to latents to predictions and back. Training, validation, sampling and evaluation
/// all go through it, so that they cannot differ.
/// </summary>
public sealed class DiffusionModel : IDisposable
{
    private readonly ExperimentPlan _plan;
    private readonly LatentCodec _codec;
    private readonly Tensor? _coordinates;

    private DiffusionModel(ExperimentPlan plan, PartContext context, LatentCodec codec)
    {
        (_plan, Context, _codec) = (plan, context with { GradientCheckpointing = plan.Training.GradientCheckpointing }, codec);
        context = Context;
        // before the network, so that nothing of its size is left to free where one refuses
        Augmentations =
        [
            .. plan.Augmentations.Select(planned => planned.Create(context, (a, options, given) => a.Create(options, plan.Shape, given))),
        ];
        RefuseVolumes(plan);
        // layers draw their initial weights from torch's global generator
        torch.random.manual_seed(RandomStreams.SeedOf(plan.Training.Seed, "weights"));
        Denoiser = MixedPrecision.Prepare(context, plan.Architecture.Build(context, (a, options, given) => a.Create(options, given)));
        var omega = Augmentations.Select(augmentation => augmentation.OmegaSize).DefaultIfEmpty().Max();
        Conditioner = ConditioningNetwork.Create(plan.Condition.SizeBins, plan.Condition.Modalities?.Count ?? 0, omega,
            Denoiser.EmbeddingSize, context.Device);
        Control = plan.Condition.Control is null ? null : MixedPrecision.Prepare(context, CreateControl(plan, context));
        _coordinates = plan.Condition.Coordinates ? Coordinates(plan.Shape.Latent, context.Device) : null;
        Process = plan.Strategy.Create(context, (s, options, given) => s.Create(options, plan.Shape, given));
        Losses = new SampleLosses(plan, Process, context.Device, codec.Moved);
    }

    /// <summary>The network.</summary>
    public Denoiser Denoiser { get; }

    /// <summary>What turns scalars into a modulation of the denoiser's time embedding, or null.</summary>
    public nn.Module? Conditioning => Conditioner;

    /// <summary>The ControlNet beside the denoiser, which is then frozen; or null.</summary>
    public ControlBranch? Control { get; }

    /// <summary>The low-rank change of the denoiser, which is then frozen; or null.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>The noise process.</summary>
    public NoiseProcess Process { get; }

    /// <summary>What the noise process says, and whose fault it is where that fails.</summary>
    public T OfProcess<T>(Func<NoiseProcess, T> said) => _plan.Strategy.Run(() => said(Process));

    /// <summary>How far predictions are from what they should be.</summary>
    public SampleLosses Losses { get; }

    /// <summary>What training does to its terms, in this order.</summary>
    public IReadOnlyList<Augmentation> Augmentations { get; }

    /// <summary>What the parts were given.</summary>
    public PartContext Context { get; }

    /// <summary>Where the parameters are.</summary>
    public Device Device => Context.Device;

    /// <summary>Parameters of the compressors.</summary>
    public long CompressorParameters => _codec.Parameters;

    /// <summary>Numbers of leading channels of the latent that are latents by themselves.</summary>
    public IReadOnlyList<int> LatentPrefixes => _codec.Prefixes;

    /// <inheritdoc cref="LatentCodec.Clip"/>
    public Func<Tensor, Tensor>? Clip => _codec.Clip;

    private ConditioningNetwork? Conditioner { get; }

    /// <summary>
    /// What augmentations change as the image condition: that and, where the denoiser is told coordinates, these as further channels,
    /// because they have to go where the voxels go. Null where there is neither.
    /// </summary>
    /// <param name="image">The image condition <c>[B, K, d, h, w]</c>, or null.</param>
    /// <param name="samples">B.</param>
    public Tensor? Augmented(Tensor? image, long samples)
    {
        if (_coordinates is null || Augmentations.Count == 0)
            return image;
        var coordinates = _coordinates.expand(samples, -1, -1, -1, -1);
        return image is null ? coordinates : torch.cat([image, coordinates], 1);
    }

    /// <summary>A condition with what augmentations made of <see cref="Augmented"/>.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="augmented">What became of it; belongs to the current dispose scope.</param>
    public ModelCondition WithAugmented(ModelCondition condition, Tensor? augmented)
    {
        if (augmented is null || _coordinates is null || Augmentations.Count == 0)
            return condition with { Image = augmented };
        var images = augmented.shape[1] - _coordinates.shape[1];
        return condition with
        {
            Image = images == 0 ? null : augmented.narrow(1, 0, images),
            Coordinates = augmented.narrow(1, images, _coordinates.shape[1]),
        };
    }

    /// <summary>Builds the parts. Needs the memory of all parameters unless the context's device is <c>meta</c>.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="context">What the parts are given.</param>
    /// <param name="frozen">Weights that are used and not trained, and the latents' statistics; null for fresh weights.</param>
    /// <exception cref="PlanException">A part refuses, or two do not fit.</exception>
    public static DiffusionModel Create(ExperimentPlan plan, PartContext context, FrozenParts? frozen = null)
    {
        var codec = LatentCodec.Create(plan.Space, context, frozen);
        DiffusionModel model;
        try
        {
            if (frozen is not null)
                codec.RequireStatistics(frozen);
            model = new DiffusionModel(plan, context, codec);
        }
        catch
        {
            codec.Dispose();
            throw;
        }

        try
        {
            model.TakeOver(frozen);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The modules by the component of a checkpoint that holds their weights; those that are frozen are not among them.</summary>
    public IEnumerable<(string Component, nn.Module Module)> Trained()
    {
        if (Adapter is not null)
            yield return (Component.Adapter, Adapter);
        else if (Control is not null)
            yield return (Component.Control, Control);
        else
            yield return (Component.Denoiser, Denoiser);
        if (Conditioner is not null)
            yield return (Component.Conditioning, Conditioner);
    }

    /// <summary>Puts all modules into training mode, or out of it.</summary>
    public void Train(bool on)
    {
        foreach (var (_, module) in Trained())
            module.train(on);
        if (Adapter is not null)
            Denoiser.train(on);
    }

    /// <summary>
    /// Has the denoiser compute with the weights that an adapter has now; to be called wherever these have changed.
    /// Does nothing without one.
    /// </summary>
    public void Merge() => Adapter?.Merge();

    /// <summary>Latent of the target, and what it is conditioned on.</summary>
    public (Tensor Clean, ModelCondition Condition) Encode(Batch batch)
    {
        var latents = _codec.Encode(batch);
        return (latents.Target, ConditionOf(latents.Condition, batch));
    }

    /// <summary>What volumes of a batch's condition are conditioned on; its target is not looked at.</summary>
    public ModelCondition EncodeCondition(Batch batch) => ConditionOf(_codec.EncodeCondition(batch.Images), batch);

    /// <inheritdoc cref="LatentCodec.Decode"/>
    public Tensor Decode(Tensor latent) => _codec.Decode(latent);

    /// <inheritdoc cref="LatentCodec.Restored"/>
    public Tensor Restored(Tensor latent) => _codec.Restored(latent);

    /// <summary>The network's prediction in float32, computed in the plan's precision.</summary>
    public Tensor Predict(Tensor noisy, Tensor timesteps, ModelCondition condition) =>
        MixedPrecision.Compute(Context, () => Raw(noisy, timesteps, condition));

    /// <summary>Channels of <see cref="Features"/>, or null where the architecture shows none.</summary>
    public int? FeatureChannels => (Denoiser as IFeatureExtractor)?.FeatureChannels;

    /// <summary>
    /// The denoiser's features <c>[B, F, d, h, w]</c> in float32, under the same conditioning as a prediction. The
    /// architecture has to show them.
    /// </summary>
    public Tensor Features(Tensor noisy, Tensor timesteps, ModelCondition condition) => MixedPrecision.Compute(Context, () =>
    {
        using var scope = torch.NewDisposeScope();
        var (input, networkTimesteps, conditioning) = Inputs(noisy, timesteps, condition);
        return _plan.Architecture.Run(() => ((IFeatureExtractor)Denoiser).Features(input, networkTimesteps, conditioning))
            .MoveToOuterDisposeScope();
    });

    /// <summary>A latent whose slices that only pad the volume repeat the last one that does not, as preparation pads volumes.</summary>
    public Tensor Repad(Tensor latent, IReadOnlyList<int> realSlices)
    {
        using var scope = torch.NewDisposeScope();
        var (real, depth) = (Losses.Real(realSlices), latent.shape[2]);
        return torch.cat([latent.narrow(2, 0, real), latent.narrow(2, real - 1, 1).expand(-1, -1, depth - real, -1, -1)], 2)
            .MoveToOuterDisposeScope();
    }

    private Tensor Raw(Tensor noisy, Tensor timesteps, ModelCondition condition)
    {
        using var scope = torch.NewDisposeScope();
        var (input, networkTimesteps, conditioning) = Inputs(noisy, timesteps, condition);
        var prediction = _plan.Architecture.Run(() => Denoiser.call(input, networkTimesteps, conditioning));
        return _plan.Architecture.Checked("predicts", prediction, noisy.shape, noisy.device).MoveToOuterDisposeScope();
    }

    /// <summary>The denoiser's input, its timesteps, and what it is conditioned on; in the current dispose scope.</summary>
    private (Tensor Input, Tensor Timesteps, Conditioning Conditioning) Inputs(Tensor noisy, Tensor timesteps, ModelCondition condition)
    {
        var (input, networkTimesteps) = OfProcess(process => (process.NetworkInput(noisy, timesteps), process.NetworkTimesteps(timesteps)));
        var (scale, shift) =
            Conditioner?.Modulation(condition.SizeBins, condition.Modality, condition.Omega, noisy.shape[0]) ?? (null, null);
        var conditioning = new Conditioning { Image = Channels(condition, noisy.shape[0]), Scale = scale, Shift = shift };
        if (Control is not null)
        {
            var strength = Scalars.S(_plan.Condition.Control!.Scale);
            var residuals = _plan.Architecture.Run(() => Control.Residuals(input, networkTimesteps, condition.Image!, conditioning));
            conditioning = conditioning with { Residuals = [.. residuals.Select(r => r * strength)] };
        }

        return (input, networkTimesteps, conditioning);
    }

    /// <summary>The channels that the denoiser sees after the noisy sample: images, size bins, coordinates.</summary>
    private Tensor? Channels(ModelCondition condition, long batch)
    {
        List<Tensor> channels = [];
        if (condition.Image is not null && Control is null)
            channels.Add(condition.Image);
        if (_plan.Condition.SizeBins is { Through: SizeBinRoute.Maps })
            channels.Add(Maps(condition.SizeBins!));
        if (_coordinates is not null)
            channels.Add(condition.Coordinates ?? _coordinates.expand(batch, -1, -1, -1, -1));
        return channels switch
        {
            [] => null,
            [var one] => one,
            _ => torch.cat(channels, 1),
        };
    }

    /// <summary>Constant channels <c>[B, 7, d, h, w]</c> of a tenth of the counts; −1 where there is no condition.</summary>
    private Tensor Maps(Tensor counts)
    {
        var grid = _plan.Shape.Latent;
        var tenths = torch.where(counts.lt(Scalars.S(0L)), torch.full_like(counts, Scalars.S(-10L)), counts)
            .to(ScalarType.Float32) / Scalars.S(10.0);
        return tenths.view(counts.shape[0], -1, 1, 1, 1).expand(-1, -1, grid.Depth, grid.Height, grid.Width);
    }

    private ModelCondition ConditionOf(Tensor? image, Batch batch) => new()
    {
        Image = image,
        SizeBins = _plan.Condition.SizeBins is null ? null : batch.SizeBins!.to(Device),
        Modality = _plan.Condition.Modalities is null ? null : Modalities(batch),
    };

    private Tensor Modalities(Batch batch)
    {
        var ids = batch.Modalities ?? Enumerable.Repeat(_plan.Modality, batch.Patients.Count);
        return torch.tensor([.. ids.Select(id => (long)id)], device: Device);
    }

    /// <summary>What changes volumes has none to change where their latents are computed once.</summary>
    private void RefuseVolumes(ExperimentPlan plan)
    {
        var changing = plan.Augmentations.Zip(Augmentations).FirstOrDefault(pair => pair.First.Run(() => pair.Second.ChangesVolumes)).First;
        if (plan.Space.KeepsLatents && changing is { } one)
            throw new PlanException(
                $"`{one.Id}` changes volumes before the compressor, and the latents of `{plan.Compressor.Id}` are computed once for all "
                + "epochs; remove it, or use a compressor that is not learned").In("augmentations");
    }

    private static ControlBranch CreateControl(ExperimentPlan plan, PartContext context)
    {
        var options = new ControlOptions { ImageChannels = plan.ControlChannels, EmbeddingChannels = plan.Condition.Control!.Channels };
        try
        {
            return plan.Architecture.Call(
                context, (a, o, given) => a.CreateControl(o, options, given) is { } branch ? ModuleTensors.Keep(branch) : null)
                ?? throw new PlanException(
                    $"the architecture `{plan.Architecture.Id}` has no ControlNet; "
                    + "use unet3d, or lead the images into the denoiser by removing control",
                    "control").In("condition");
        }
        catch (PlanException e) when (e.Section == plan.Architecture.Section)
        {
            throw new PlanException(e.Message, "control").In("condition");
        }
    }

    /// <summary>
    /// A denoiser that is steered or adapted is another run's, and stays as it is; what is trained beside it starts from it.
    /// </summary>
    private void TakeOver(FrozenParts? frozen)
    {
        if (_plan.Training.Lora is { } lora)
        {
            frozen?.Load(FrozenParts.Start, Denoiser);
            Adapter = LoraAdapter.Of(Denoiser, lora);
        }

        if (Control is null)
            return;
        frozen?.Load(FrozenParts.Denoiser, Denoiser);
        foreach (var parameter in Denoiser.parameters())
            parameter.requires_grad = false;
        Denoiser.eval();
        if (Device.type != DeviceType.META)
            Control.StartFrom(Denoiser);
    }

    /// <summary>Channels <c>[1, 3, d, h, w]</c> that go from −1 to 1 along each axis.</summary>
    private static Tensor Coordinates(VolumeShape grid, Device device)
    {
        using var scope = torch.NewDisposeScope();
        Tensor[] axes = [.. new[] { grid.Depth, grid.Height, grid.Width }.Select(size => torch.linspace(-1, 1, size, device: device))];
        return torch.stack(torch.meshgrid(axes, "ij")).unsqueeze(0).contiguous().DetachFromDisposeScope();
    }

    /// <summary>Frees the parameters.</summary>
    public void Dispose()
    {
        Denoiser.Dispose();
        Conditioner?.Dispose();
        Control?.Dispose();
        Adapter?.Dispose();
        _codec.Dispose();
        _coordinates?.Dispose();
    }
}
