using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// The parts of a plan, built: from volumes to latents to predictions and back. Training, validation, sampling and evaluation
/// all go through it, so that they cannot differ.
/// </summary>
public sealed class DiffusionModel : IDisposable
{
    private readonly ExperimentPlan _plan;
    private readonly Compressor _compressor;
    private readonly Tensor? _coordinates;

    private DiffusionModel(ExperimentPlan plan, PartContext context)
    {
        _plan = plan;
        Context = context;
        // layers draw their initial weights from torch's global generator
        torch.random.manual_seed(RandomStreams.SeedOf(plan.Training.Seed, "weights"));
        _compressor = plan.Compressor.Call((c, options) => c.Create(options, context));
        _compressor.eval();
        Denoiser = plan.Architecture.Call((a, options) => a.Create(options, context));
        _coordinates = plan.Condition.Coordinates ? Coordinates(plan.Shape.Latent, context.Device) : null;
        Process = plan.Strategy.Call((s, options) => s.Create(options, plan.Shape, context));
    }

    /// <summary>The network.</summary>
    public Denoiser Denoiser { get; }

    /// <summary>The noise process.</summary>
    public NoiseProcess Process { get; }

    /// <summary>What the parts were given.</summary>
    public PartContext Context { get; }

    /// <summary>Where the parameters are.</summary>
    public Device Device => Context.Device;

    /// <summary>Builds the parts. Needs the memory of all parameters unless the context's device is <c>meta</c>.</summary>
    public static DiffusionModel Create(ExperimentPlan plan, PartContext context) => new(plan, context);

    /// <summary>Latents of the target, and of the image condition where the plan has one.</summary>
    /// <param name="images">Images by kind, <c>[B, 1, D, H, W]</c> on any device.</param>
    public (Tensor Clean, Tensor? Condition) Encode(IReadOnlyDictionary<string, Tensor> images)
    {
        using var _ = torch.no_grad();
        return (EncodeImages(images, _plan.Target), EncodeCondition(images));
    }

    /// <summary>Latent of the image condition, or null where the plan has none.</summary>
    public Tensor? EncodeCondition(IReadOnlyDictionary<string, Tensor> images)
    {
        using var _ = torch.no_grad();
        return _plan.Condition.Images.Count == 0 ? null : EncodeImages(images, _plan.Condition.Images);
    }

    /// <summary>Volumes <c>[B, C, D, H, W]</c> in [0, 1] from latents.</summary>
    public Tensor Decode(Tensor latent)
    {
        using var _ = torch.no_grad();
        return _compressor.Decode(latent).clamp(Scalars.S(0.0), Scalars.S(1.0));
    }

    /// <summary>The network's prediction in float32, computed in the plan's precision.</summary>
    public Tensor Predict(Tensor noisy, Tensor timesteps, Conditioning conditioning)
    {
        var (shown, told) = (Process.NetworkInput(noisy, timesteps), Process.NetworkTimesteps(timesteps));
        conditioning = Located(conditioning, noisy.shape[0]);
        if (Context.Precision == Precision.Float32)
            return Denoiser.call(shown, told, conditioning);
        using (Autocast.Begin(Device, ScalarType.BFloat16))
            return Denoiser.call(shown, told, conditioning).to(ScalarType.Float32);
    }

    /// <summary>Mean squared error of each sample <c>[B]</c>, in float32, without the slices that only pad the volume.</summary>
    /// <param name="prediction">What the network returned.</param>
    /// <param name="target">What it should have returned.</param>
    /// <param name="realSlices">Slices of each volume that are not padding; slices that are padding in any of them are left out of all.</param>
    public Tensor SampleLosses(Tensor prediction, Tensor target, IEnumerable<int> realSlices)
    {
        var (volume, depth) = (_plan.Shape.Volume.Depth, target.shape[2]);
        // a latent slice that holds any real slice counts
        var real = (realSlices.Min() * depth + volume - 1) / volume;
        return (prediction.to(ScalarType.Float32) - target).narrow(2, 0, real).square().mean([1, 2, 3, 4]);
    }

    /// <summary>The conditioning with the coordinates after its image.</summary>
    private Conditioning Located(Conditioning conditioning, long batch)
    {
        if (_coordinates is null)
            return conditioning;
        var coordinates = _coordinates.expand(batch, -1, -1, -1, -1);
        return conditioning with { Image = conditioning.Image is { } image ? torch.cat([image, coordinates], 1) : coordinates };
    }

    /// <summary>Channels <c>[1, 3, d, h, w]</c> that go from −1 to 1 along each axis.</summary>
    private static Tensor Coordinates(VolumeShape grid, Device device)
    {
        using var scope = torch.NewDisposeScope();
        Tensor[] axes = [.. new[] { grid.Depth, grid.Height, grid.Width }.Select(size => torch.linspace(-1, 1, size, device: device))];
        return torch.stack(torch.meshgrid(axes, "ij")).unsqueeze(0).contiguous().DetachFromDisposeScope();
    }

    private Tensor EncodeImages(IReadOnlyDictionary<string, Tensor> images, IReadOnlyList<string> kinds)
    {
        var volume = torch.cat([.. kinds.Select(kind => images[kind].to(Device))], 1);
        return _compressor.Encode(volume);
    }

    /// <summary>Frees the parameters.</summary>
    public void Dispose()
    {
        Denoiser.Dispose();
        _compressor.Dispose();
        _coordinates?.Dispose();
    }
}
