using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Fixtures.Factor;

public sealed record FactorOptions
{
#if LATER
    public double Factor { get; init; } = 3;

    public double Offset { get; init; } = 0.5;
#else
    public double Factor { get; init; } = 2;
#endif
    public FactorUse Meant { get; init; } = new();
}

public sealed record FactorUse
{
    public bool Often { get; init; } = true;

    public IReadOnlyList<double> Sizes { get; init; } = [1.5, 2];

    public double? Never { get; init; }
}

/// <summary>A compressor whose latents a later version of the plugin makes otherwise, where an experiment leaves its options out.</summary>
[Compressor("factor")]
public sealed class FactorCompressor : ICompressor<FactorOptions>
{
    public bool IsLearned => false;

    public VolumeShape LatentShape(FactorOptions options, VolumeShape volume) => volume;

    public Compressor Create(FactorOptions options, PartContext context) => new Scaled(options.Factor);

    private sealed class Scaled(double factor) : Compressor(nameof(Scaled))
    {
        public override Tensor Encode(Tensor volume) => volume * Tensors.Scalars.S(factor);

        public override Tensor Decode(Tensor latent) => latent / Tensors.Scalars.S(factor);
    }
}
