using System.ComponentModel.DataAnnotations;
using System.Globalization;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>kid</c>.</summary>
public sealed record KidOptions : FeatureMetricOptions
{
    /// <summary>Random pairs of subsets, of which the value is the mean. With <c>subset_size: all</c> there is one. Default 50.</summary>
    [Range(2, 100_000)]
    public int Subsets { get; init; } = 50;

    /// <summary>
    /// Features of each set in a subset, without replacement and at most what the smaller set has; or <c>all</c>, which takes both
    /// sets whole. Default 100.
    /// </summary>
    [RegularExpression("all|[2-9]|[1-9][0-9]{1,8}", ErrorMessage = "`{0}` takes `all` or a whole number from 2 to 999999999")]
    public string SubsetSize { get; init; } = "100";

    /// <summary>Seed of the subsets. Default 0.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }
}

/// <summary>
/// Kernel distance (Bińkowski et al., arXiv:1801.01401): the unbiased squared maximum mean discrepancy with the kernel
/// <c>(xᵀy/d + 1)³</c>, as the mean over random subsets. Its expectation does not depend on n; near 0 it may be negative.
/// </summary>
[Metric("kid", Summary = "Kernel distance between two sets of features, mean over subsets; lower is better.")]
public sealed class KidMetric : IMetric<KidOptions>
{
    /// <inheritdoc/>
    public Metric Create(KidOptions options, PartContext context) => new Kid(options, context);

    /// <inheritdoc/>
    public IReadOnlyList<string> Networks(KidOptions options) => FeatureExtractor.Networks(options.Extractor);

    private sealed class Kid(KidOptions options, PartContext context) : FeatureMetric(options, context)
    {
        private static readonly MeanDiscrepancy Discrepancy = new(Cubic);

        protected override MetricResult Compare(FeatureSet realSet, FeatureSet generatedSet, List<string> warnings)
        {
            var (realWeights, generatedWeights) = Bootstrap.Weights(realSet, generatedSet);
            if (options.SubsetSize == "all")
            {
                var (value, resamples) = Discrepancy.Squared(realWeights, generatedWeights);
                return new(value, [value]) { Interval = Bootstrap.About(value, resamples) };
            }

            var (real, generated) = (realSet.Rows, generatedSet.Rows);

            var wanted = int.Parse(options.SubsetSize, CultureInfo.InvariantCulture);
            var size = Math.Min(wanted, Math.Min(real.shape[0], generated.shape[0]));
            if (size < wanted)
                warnings.Add(
                    $"subsets of {wanted} are more than the smaller set has: they are of {size}, which takes that set whole each time");

            using var random = new Generator((ulong)options.Seed, CPU);
            var values = new double[options.Subsets];
            for (var subset = 0; subset < values.Length; subset++)
            {
                using var scope = NewDisposeScope();
                values[subset] = Discrepancy.Squared(Draw(real, size, random), Draw(generated, size, random));
            }

            var mean = values.Average();
            var std = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
            return new(mean, [mean])
            {
                Interval = Interval(mean, std / Math.Sqrt(values.Length - 1)),
                Details = new Dictionary<string, double> { ["std"] = std, ["subsets"] = values.Length, ["subset_size"] = size },
            };

            MetricInterval? Interval(double value, double deviation) => realWeights.Count == 1
                ? null // which spares the whole kernel matrix
                : Bootstrap.About(value, WithSubsetNoise(Discrepancy.Squared(realWeights, generatedWeights).Resamples, deviation, random));
        }

        // Given the features, the mean over subsets scatters about the whole sets' value by their std / √(subsets − 1), as the std
        // is that of the population; that comes on top of how the whole sets' value would differ with other features.
        private static double[] WithSubsetNoise(double[] resamples, double deviation, Generator random)
        {
            using var scope = NewDisposeScope();
            var noise = randn(resamples.Length, dtype: ScalarType.Float64, generator: random).data<double>();
            return [.. resamples.Zip(noise, (resample, draw) => resample + deviation * draw)];
        }

        private static Tensor Draw(Tensor features, long size, Generator random) =>
            features.index_select(0, randperm(features.shape[0], generator: random)[..(int)size].to(features.device));
    }

    private static Tensor Cubic(Tensor x, Tensor y)
    {
        var similarity = x.matmul(y.t()) / S((double)x.shape[1]) + S(1.0);
        return similarity * similarity * similarity;
    }
}
