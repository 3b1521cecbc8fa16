using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

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
        protected override MetricResult Compare(Tensor real, Tensor generated, List<string> warnings)
        {
            var (n, d) = (Math.Min(real.shape[0], generated.shape[0]), real.shape[1]);
            if (n < d)
                warnings.Add(
                    $"{n} feature vectors of {d} dimensions: the covariance is singular and the distance too large; "
                    + "compare only with values at the same n");

            var (realWeights, generatedWeights) = Bootstrap.Weights(real, generated);
            var distances = new double[realWeights.shape[0]];
            for (var row = 0; row < distances.Length; row++)
                distances[row] = Distance(real, generated, realWeights[row], generatedWeights[row]);

            var (value, resamples) = (distances[0], distances[1..]);
            var interval = Bootstrap.About(value, resamples);
            return new(value, [value])
            {
                Interval = interval with { Low = Math.Max(0, interval.Low) },
                Details = new Dictionary<string, double> { ["bias"] = resamples.Average() - value },
            };
        }
    }

    private static double Distance(Tensor real, Tensor generated, Tensor realWeights, Tensor generatedWeights)
    {
        using var scope = NewDisposeScope();
        var (realMean, realFactor) = Moments(real, realWeights);
        var (generatedMean, generatedFactor) = Moments(generated, generatedWeights);
        // With Σr = RᵀR and Σg = GᵀG the eigenvalues of Σr^½ Σg Σr^½ are the squared singular values of RGᵀ. Taking these
        // spares the roots of matrices, and small ones do not drown in the rounding of squares.
        var root = linalg.svdvals(realFactor.matmul(generatedFactor.t())).sum();
        var distance = (realMean - generatedMean).square().sum() + realFactor.square().sum() + generatedFactor.square().sum()
            - root * S(2.0);
        return Math.Max(0, distance.ToDouble());
    }

    /// <summary>Weighted mean <c>[d]</c>, and a factor <c>[min(n, d), d]</c> with Σ = FᵀF; equal weights give the divisor n − 1.</summary>
    private static (Tensor Mean, Tensor Factor) Moments(Tensor features, Tensor weights)
    {
        var mean = weights.matmul(features);
        var scale = (weights / (ones_like(weights[0]) - weights.square().sum())).sqrt();
        var centred = (features - mean) * scale.unsqueeze(1);
        return (mean, features.shape[0] > features.shape[1] ? linalg.qr(centred).R : centred);
    }
}
