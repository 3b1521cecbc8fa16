using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>ms_ssim</c>.</summary>
public sealed record MsSsimOptions
{
    /// <summary>Side of the Gaussian window in voxels. Default 11.</summary>
    [Range(1, 255)]
    public int Window { get; init; } = 11;

    /// <summary>Standard deviation of the window in voxels. Default 1.5.</summary>
    [Range(1e-2, 1e2)]
    public double Sigma { get; init; } = 1.5;

    /// <summary>
    /// Exponent of each scale, finest first; each scale halves the volume. Default: by the smallest side, 5 scales above 176
    /// voxels, 4 above 88, 3 above 44, else 2.
    /// </summary>
    [MinLength(1)]
    public IReadOnlyList<double>? Weights { get; init; }

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

/// <summary>
/// Multi-scale structural similarity in three dimensions (Wang, Simoncelli and Bovik, Asilomar 2003): the contrast factors of all
/// scales but the last, times the similarity of the last, each to the power of its weight. Negative factors count as 0.
/// </summary>
[Metric("ms_ssim", Summary = "Multi-scale structural similarity in 3-D; higher is better.")]
public sealed class MsSsimMetric : IMetric<MsSsimOptions>
{
    /// <inheritdoc/>
    public Metric Create(MsSsimOptions options, PartContext context) => new MsSsim(options);

    private sealed class MsSsim(MsSsimOptions options) : PairedMetric
    {
        private readonly StructuralSimilarity _similarity = new(options.Window, options.Sigma, options.K1, options.K2, options.DataRange);

        public override void Check(VolumeShape volume)
        {
            var smallest = StructuralSimilarity.SmallestSide(volume);
            var weights = options.Weights ?? WeightsFor(smallest);
            var coarsest = smallest >> (weights.Count - 1);
            if (coarsest < options.Window)
                throw new ArgumentException(
                    $"the volumes' smallest side of {smallest} voxels has {coarsest} left at the last of {weights.Count} scales, "
                    + $"less than the window's {options.Window}; set a smaller window or fewer weights");
        }

        protected override string? OutOfRange(Tensor volumes, string name) => Intensities.Of(volumes).Beyond(options.DataRange, name);

        protected override double Compare(Tensor real, Tensor generated)
        {
            var weights = options.Weights ?? WeightsFor(StructuralSimilarity.SmallestSide(VolumeShape.Of(real)));
            (real, generated) = (real.to_type(ScalarType.Float64), generated.to_type(ScalarType.Float64)); // the coarser scales too
            var product = 1.0;
            for (var scale = 0; scale < weights.Count; scale++)
            {
                if (scale > 0)
                    (real, generated) = (F.avg_pool3d(real, [2, 2, 2]), F.avg_pool3d(generated, [2, 2, 2]));
                var (similarity, contrast) = _similarity.Compare(real, generated);
                product *= Math.Pow(Math.Max(0, scale == weights.Count - 1 ? similarity : contrast), weights[scale]);
            }

            return product;
        }
    }

    private static double[] WeightsFor(long smallestSide) => smallestSide switch
    {
        > 176 => [0.0448, 0.2856, 0.3001, 0.2363, 0.1333],
        > 88 => [0.0448, 0.2856, 0.3001, 0.3695],
        > 44 => [0.0448, 0.2856, 0.6696],
        _ => [0.5, 0.5],
    };
}
