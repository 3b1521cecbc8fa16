using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// The Bayesian bootstrap (Rubin, Annals of Statistics 1981): a resample gives each feature a random weight instead of a random
/// count. Unlike counts, weights never repeat a feature beside itself, which would look like structure to a kernel, and never
/// leave a set of one.
/// </summary>
internal sealed class Bootstrap(FeatureMetricOptions options)
{
    /// <summary>
    /// Weights of two sets, float64 <c>[1 + resamples, n]</c>; rows sum to 1. The first row is the sample itself, the others are
    /// uniform on the simplex. Moved to the caller's scope.
    /// </summary>
    public (Tensor Real, Tensor Generated) Weights(Tensor real, Tensor generated)
    {
        using var random = new Generator((ulong)options.BootstrapSeed, CPU);
        return (Weights(real, random), Weights(generated, random));
    }

    /// <summary>The interval about <paramref name="value"/>: quantiles of the resamples, moved so that their mean is the value.</summary>
    public MetricInterval About(double value, IReadOnlyList<double> resamples)
    {
        var mean = resamples.Average();
        double[] sorted = [.. resamples.Order()];
        return new(
            value + Math.Min(0, Quantile(sorted, (1 - options.Confidence) / 2) - mean),
            value + Math.Max(0, Quantile(sorted, (1 + options.Confidence) / 2) - mean),
            options.Confidence);
    }

    private Tensor Weights(Tensor features, Generator random)
    {
        using var scope = NewDisposeScope();
        var draws = rand(options.Bootstrap, features.shape[0], dtype: ScalarType.Float64, generator: random).neg().log1p().neg();
        var rows = cat([ones_like(draws[..1]), draws], 0);
        return (rows / rows.sum(1, keepdim: true)).to(features.device).MoveToOuterDisposeScope();
    }

    private static double Quantile(double[] sorted, double share)
    {
        var position = share * (sorted.Length - 1);
        var below = (int)position;
        return below == sorted.Length - 1 ? sorted[below] : sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]);
    }
}
