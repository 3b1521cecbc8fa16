using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>psnr</c>.</summary>
public sealed record PsnrOptions
{
    /// <summary>Largest possible intensity; both volumes are clamped to [0, data_range]. Default 1.</summary>
    [Range(1e-6, 1e9)]
    public double DataRange { get; init; } = 1;
}

/// <summary>Peak signal-to-noise ratio in dB of each volume, capped at 100 dB.</summary>
[Metric("psnr", Summary = "Peak signal-to-noise ratio in dB, capped at 100 dB; higher is better.")]
public sealed class PsnrMetric : IMetric<PsnrOptions>
{
    // a floor for the squared error relative to the range, which is what makes 100 dB the value of equal volumes
    private const double Floor = 1e-10;

    /// <inheritdoc/>
    public Metric Create(PsnrOptions options, PartContext context) => new Psnr(options.DataRange);

    private sealed class Psnr(double range) : PairedMetric
    {
        protected override double Compare(Tensor real, Tensor generated)
        {
            var error = (real.clamp(S(0.0), S(range)) - generated.clamp(S(0.0), S(range))) / S(range);
            return Math.Min(100, 10 * Math.Log10(1 / (error.square().mean().ToDouble() + Floor)));
        }

        protected override string? OutOfRange(Tensor volumes, string name)
        {
            using var scope = NewDisposeScope();
            var outside = volumes.lt(S(0.0)).logical_or(volumes.gt(S(range))).sum().ToInt64();
            var (low, high) = Intensities.Of(volumes);
            return outside == 0
                ? null
                : FormattableString.Invariant(
                    $"{outside} of the {volumes.numel()} intensities of {name} lie outside 0 to {range:G4}, where they are clamped to: ")
                    + FormattableString.Invariant($"they run from {low:G4} to {high:G4}; rescale them, or set data_range");
        }
    }
}
