using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>fid</c>.</summary>
public sealed record FidOptions : FeatureMetricOptions;

/// <summary>
/// Fréchet distance between the Gaussians that have the sets' means and unbiased covariances (Heusel et al., arXiv:1706.08500):
/// <c>‖μr − μg‖² + Tr(Σr + Σg − 2(Σr Σg)^½)</c>, in float64. It is biased upward by about 1/n, so values compare at equal n only.
/// </summary>
[Metric("fid", Summary = "Fréchet distance between two sets of features; lower is better.")]
public sealed class FidMetric : IMetric<FidOptions>
{
    /// <inheritdoc/>
    public Metric Create(FidOptions options, PartContext context) => new Fid(options, context);

    /// <inheritdoc/>
    public IReadOnlyList<string> Networks(FidOptions options) => FeatureExtractor.Networks(options.Extractor);

    private sealed class Fid(FidOptions options, PartContext context) : FeatureMetric(options, context)
    {
        protected override MetricResult Compare(FeatureSet real, FeatureSet generated, List<string> warnings)
        {
            if (Few(real, generated) is { } few)
                warnings.Add(few);
            var (realWeights, generatedWeights) = Bootstrap.Weights(real, generated);
            var value = FrechetDistance.Of(real.Rows, generated.Rows);
            var resamples = FrechetDistance.OfResamples(realWeights, generatedWeights);
            var interval = Bootstrap.About(value, resamples);
            return new(value, [value])
            {
                Interval = interval is null ? null : interval with { Low = Math.Max(0, interval.Low) },
                Details = resamples.Length == 0 ? new Dictionary<string, double>() : new() { ["bias"] = resamples.Average() - value },
            };
        }

        private static string? Few(FeatureSet real, FeatureSet generated)
        {
            var (n, d) = (Math.Min(real.Rows.shape[0], generated.Rows.shape[0]), real.Rows.shape[1]);
            if (n < d)
                return $"{n} feature vectors of {d} dimensions: the covariance is singular and the distance too large; "
                    + "compare only with values at the same n";
            var volumes = Math.Min(real.VolumeCount, generated.VolumeCount);
            return volumes >= d
                ? null
                : $"the {n} or more feature vectors of {d} dimensions are of {volumes} volumes: rows of one volume resemble each other, "
                    + "so that the covariance is that of few and the distance too large; "
                    + "compare only with values at the same number of volumes";
        }
    }
}
