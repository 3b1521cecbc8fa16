using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// The Bayesian bootstrap (Rubin, Annals of Statistics 1981): a resample gives each feature a random weight instead of a random
/// count. Unlike counts, weights never repeat a feature beside itself, which would look like structure to a kernel, and never
/// leave a set of one. What is drawn is a volume: all its features have its weight, because features of one volume resemble each other.
/// </summary>
internal sealed class Bootstrap
{
    private const int FewestResamples = 20;
    private readonly FeatureMetricOptions _options;

    /// <exception cref="PlanException">So few resamples have no quantiles.</exception>
    public Bootstrap(FeatureMetricOptions options)
    {
        if (options.Bootstrap is > 0 and < FewestResamples)
            throw new PlanException(
                $"{options.Bootstrap} resamples are too few for an interval; use {FewestResamples} or more, or 0 for none", "bootstrap");
        _options = options;
    }

    /// <summary>
    /// Weights of two sets, as <see cref="FeatureWeights"/> has them; none but the sample itself where there can be no interval.
    /// </summary>
    public (FeatureWeights Real, FeatureWeights Generated) Weights(FeatureSet real, FeatureSet generated)
    {
        var resamples = CanResample(real, generated) ? _options.Bootstrap : 0;
        using var random = new Generator((ulong)_options.BootstrapSeed, CPU);
        return (FeatureWeights.Draw(real, resamples, random), FeatureWeights.Draw(generated, resamples, random));
    }

    /// <summary>Why there is no interval though one is asked for; null where there is one.</summary>
    public string? Complaint(FeatureSet real, FeatureSet generated) => _options.Bootstrap == 0 || CanResample(real, generated)
        ? null
        : "no interval: it is made by weighing volumes, and there is one in the "
            + $"{(real.VolumeCount < 2 ? "real" : "generated")} set";

    /// <summary>
    /// The interval about <paramref name="value"/>: quantiles of the resamples, moved so that their mean is the value; null where there
    /// are no resamples.
    /// </summary>
    public MetricInterval? About(double value, IReadOnlyList<double> resamples)
    {
        if (resamples.Count == 0)
            return null;
        var mean = resamples.Average();
        double[] sorted = [.. resamples.Order()];
        return new(
            value + Math.Min(0, Quantile(sorted, (1 - _options.Confidence) / 2) - mean),
            value + Math.Max(0, Quantile(sorted, (1 + _options.Confidence) / 2) - mean),
            _options.Confidence);
    }

    private static bool CanResample(FeatureSet real, FeatureSet generated) => real.VolumeCount > 1 && generated.VolumeCount > 1;

    /// <summary>The quantile of sorted numbers, between two of them in proportion.</summary>
    internal static double Quantile(double[] sorted, double share)
    {
        var position = share * (sorted.Length - 1);
        var below = (int)position;
        return below == sorted.Length - 1 ? sorted[below] : sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]);
    }
}
