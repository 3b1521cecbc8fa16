using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>ssim</c>.</summary>
public sealed record SsimOptions
{
    /// <summary>Side of the Gaussian window in voxels. Default 11.</summary>
    [Range(1, 255)]
    public int Window { get; init; } = 11;

    /// <summary>Standard deviation of the window in voxels. Default 1.5.</summary>
    [Range(1e-2, 1e2)]
    public double Sigma { get; init; } = 1.5;

    /// <summary>Stabilises the luminance factor. Default 0.01.</summary>
    [Range(1e-6, 1.0)]
    public double K1 { get; init; } = 0.01;

    /// <summary>Stabilises the contrast factor. Default 0.03.</summary>
    [Range(1e-6, 1.0)]
    public double K2 { get; init; } = 0.03;

    /// <summary>Largest minus smallest possible intensity. Default 1.</summary>
    [Range(1e-6, 1e9)]
    public double DataRange { get; init; } = 1;
}

/// <summary>Structural similarity in three dimensions (Wang et al., IEEE TIP 2004); 1 for equal volumes.</summary>
[Metric("ssim", Summary = "Structural similarity in 3-D with a Gaussian window; higher is better.")]
public sealed class SsimMetric : IMetric<SsimOptions>
{
    /// <inheritdoc/>
    public Metric Create(SsimOptions options, PartContext context) => new Ssim(options);

    private sealed class Ssim(SsimOptions options) : PairedMetric
    {
        private readonly StructuralSimilarity _similarity = new(options.Window, options.Sigma, options.K1, options.K2, options.DataRange);

        public override void Check(VolumeShape volume)
        {
            var smallest = StructuralSimilarity.SmallestSide(volume);
            if (smallest < options.Window)
                throw new ArgumentException(
                    $"the volumes' smallest side has {smallest} voxels, less than the window's {options.Window}; "
                    + $"set window to {smallest} or less");
        }

        protected override string? OutOfRange(Tensor volumes, string name) => Intensities.Of(volumes).Beyond(options.DataRange, name);

        protected override double Compare(Tensor real, Tensor generated) => _similarity.Compare(real, generated).Similarity;
    }
}
