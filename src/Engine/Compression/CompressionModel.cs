using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Compression;

/// <summary>
/// A plan's compressor, built. Training, validation, evaluation and samples all go through it, so that they cannot differ.
/// </summary>
public sealed class CompressionModel : IDisposable
{
    private readonly CompressionPlan _plan;

    private CompressionModel(CompressionPlan plan, PartContext context)
    {
        (_plan, Context) = (plan, context);
        // layers draw their initial weights from torch's global generator
        torch.random.manual_seed(RandomStreams.SeedOf(plan.Training.Seed, "weights"));
        Compressor = MixedPrecision.Prepare(context, plan.Compressor.Build(context, (c, options, given) => c.Create(options, given)));
    }

    /// <summary>The compressor.</summary>
    public Compressor Compressor { get; }

    /// <summary>What it was given.</summary>
    public PartContext Context { get; }

    /// <summary>Where its parameters are.</summary>
    public Device Device => Context.Device;

    /// <summary>Builds the compressor. Needs the memory of all parameters unless the context's device is <c>meta</c>.</summary>
    public static CompressionModel Create(CompressionPlan plan, PartContext context) => new(plan, context);

    /// <summary>
    /// The compressor's reconstruction in float32, computed in the plan's precision with all channels of the latent;
    /// not clamped, logits of masks.
    /// </summary>
    /// <param name="volume"><c>[B, 1, D, H, W]</c> on the model's device.</param>
    public Tensor Reconstruct(Tensor volume) => InPrecision(() => _plan.Compressor.Run(() => Compressor.Decode(Compressor.Encode(volume))));

    /// <summary>The compressor's training pass, its reconstruction in float32.</summary>
    /// <param name="volume"><c>[B, 1, D, H, W]</c> on the model's device.</param>
    public CompressorPass TrainingPass(Tensor volume)
    {
        CompressorPass? pass = null;
        var random = Context.Random[RandomStreams.Noise];
        var reconstruction = InPrecision(
            () => (pass = _plan.Compressor.Given("TrainingPass", () => Compressor.TrainingPass(volume, random))).Reconstruction);
        return pass! with { Reconstruction = reconstruction };
    }

    /// <summary>A reconstruction as what it stands for: intensities from 0 to 1, probabilities of a mask.</summary>
    public Tensor Finish(Tensor reconstruction) =>
        _plan.IsOfMasks ? reconstruction.sigmoid() : reconstruction.clamp(Scalars.S(0.0), Scalars.S(1.0));

    /// <summary>Float32 of what is computed in the plan's precision.</summary>
    internal Tensor InPrecision(Func<Tensor> compute) => MixedPrecision.Compute(Context, compute);

    /// <summary>Frees the parameters.</summary>
    public void Dispose() => Compressor.Dispose();
}
