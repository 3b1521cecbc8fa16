using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>Builds compressors; the host's view. Implement <see cref="ICompressor{TOptions}"/>.</summary>
public interface ICompressor : IPart
{
    /// <inheritdoc cref="ICompressor{TOptions}.LatentShape"/>
    VolumeShape LatentShape(object options, VolumeShape volume);

    /// <inheritdoc cref="ICompressor{TOptions}.IsLearned"/>
    bool IsLearned { get; }

    /// <inheritdoc cref="ICompressor{TOptions}.IsLossy"/>
    bool IsLossy(object options) => IsLearned;

    /// <inheritdoc cref="ICompressor{TOptions}.TakesOnlyMasks"/>
    bool TakesOnlyMasks => false;

    /// <inheritdoc cref="ICompressor{TOptions}.Create"/>
    Compressor Create(object options, PartContext context);
}

/// <summary>Builds compressors from options.</summary>
/// <typeparam name="TOptions">The compressor's options.</typeparam>
public interface ICompressor<TOptions> : ICompressor, IPart<TOptions>
    where TOptions : class, new()
{
    /// <summary>The shape that <paramref name="volume"/> has after <see cref="Compressor.Encode"/>.</summary>
    /// <exception cref="PlanException">The volume's sizes do not divide, or its channels are not the options'.</exception>
    VolumeShape LatentShape(TOptions options, VolumeShape volume);

    /// <summary>Whether it has weights that must be trained before it is of use. False for what is fixed, lossless or not.</summary>
    new bool IsLearned { get; }

    bool ICompressor.IsLearned => IsLearned;

    /// <summary>
    /// Whether volumes come back as others. A compressor that is fixed and says so, such as one that leaves out fine detail, has no run
    /// that would say how much is lost: the host measures it where it evaluates. <see cref="Compressor.Encode"/> of what
    /// <see cref="Compressor.Decode"/> gives has to be the latent again. Default: whatever is learned is lossy, and nothing else. Since
    /// contract 1.5.
    /// </summary>
    bool IsLossy(TOptions options) => IsLearned;

    bool ICompressor.IsLossy(object options) => IsLossy((TOptions)options);

    /// <summary>
    /// Whether it makes a mask of whatever it is given, so that other images would be lost: experiments that give it one are refused.
    /// Default: no. Since contract 1.5.
    /// </summary>
    new bool TakesOnlyMasks => false;

    bool ICompressor.TakesOnlyMasks => TakesOnlyMasks;

    /// <summary>Builds the compressor with freshly initialised parameters on the context's device. The caller owns it.</summary>
    Compressor Create(TOptions options, PartContext context);

    VolumeShape ICompressor.LatentShape(object options, VolumeShape volume) => LatentShape((TOptions)options, volume);

    Compressor ICompressor.Create(object options, PartContext context) => Create((TOptions)options, context);
}

/// <summary>Maps volumes into the space in which diffusion runs, and back. Its parameters, if any, are those of the module.</summary>
/// <param name="name">Name of the module, for messages.</param>
public abstract class Compressor(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>
    /// From volumes <c>[B, C, D, H, W]</c> to latents <c>[B, c, d, h, w]</c>, as they are diffused (before any normalisation).
    /// </summary>
    public abstract Tensor Encode(Tensor volume);

    /// <summary>From latents <c>[B, c, d, h, w]</c> to volumes <c>[B, C, D, H, W]</c>; not clamped.</summary>
    public abstract Tensor Decode(Tensor latent);

    /// <summary>The named tensors of a round trip: at least <c>latent</c> and <c>reconstruction</c>.</summary>
    public virtual IReadOnlyDictionary<string, Tensor> Roundtrip(Tensor volume)
    {
        var latent = Encode(volume);
        return new Dictionary<string, Tensor> { ["latent"] = latent, ["reconstruction"] = Decode(latent) };
    }

    /// <summary>
    /// One forward pass of training: the reconstruction with gradient, and losses of the compressor's own, such as a codebook's. State that
    /// training changes without gradient, such as a codebook's moving averages, is updated here and nowhere else. By default just the
    /// reconstruction.
    /// </summary>
    /// <param name="volume">The volumes, <c>[B, C, D, H, W]</c>.</param>
    /// <param name="random">The stream to draw from.</param>
    public virtual CompressorPass TrainingPass(Tensor volume, Generator random) => new() { Reconstruction = Decode(Encode(volume)) };

    /// <summary>Parameters of the decoder's last layers, which a phase of training may refine alone; by default all.</summary>
    public virtual IEnumerable<TorchSharp.Modules.Parameter> Head => parameters();

    /// <summary>
    /// For a latent whose first channels are a latent by themselves (structured latents, arXiv:2508.00413): those numbers of channels,
    /// ascending, the last one all of them. Empty, the default, for other latents.
    /// </summary>
    public virtual IReadOnlyList<int> LatentPrefixes => [];

    /// <summary>The reconstruction of <paramref name="volume"/>.</summary>
    public override Tensor forward(Tensor volume) => Roundtrip(volume)["reconstruction"];
}

/// <summary>What a compressor's training pass computed, in the current dispose scope.</summary>
public sealed record CompressorPass
{
    /// <summary>The reconstruction <c>[B, C, D, H, W]</c>, not clamped; logits where a mask is compressed.</summary>
    public required Tensor Reconstruction { get; init; }

    /// <summary>Losses of the compressor's own by name, such as <c>codebook</c>: 0-dimensional float32, not weighted.</summary>
    public IReadOnlyDictionary<string, Tensor> Losses { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>Numbers to log by name, such as <c>perplexity</c>.</summary>
    public IReadOnlyDictionary<string, double> Measures { get; init; } = new Dictionary<string, double>();
}
