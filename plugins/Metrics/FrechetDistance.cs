using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// The squared Fréchet distance of two Gaussians. With Σr = RᵀR and Σg = GᵀG the eigenvalues of Σr^½ Σg Σr^½ are the squared singular
/// values of RGᵀ. Taking these spares the roots of matrices, and small ones do not drown in the rounding of squares.
/// </summary>
internal static class FrechetDistance
{
    /// <summary>The distance of two sets of features.</summary>
    public static double Of(Tensor real, Tensor generated)
    {
        using var scope = NewDisposeScope();
        var ((realMean, realFactor), (generatedMean, generatedFactor)) = (Moments(real, Equal(real)), Moments(generated, Equal(generated)));
        return Combine(realMean, realFactor, generatedMean, generatedFactor, linalg.svdvals(realFactor.matmul(generatedFactor.t())).sum());
    }

    /// <summary>The distances of the resamples of two sets.</summary>
    public static double[] OfResamples(FeatureWeights real, FeatureWeights generated)
    {
        var distances = new double[real.Count - 1];
        using var scope = NewDisposeScope();
        using var reals = new WeightedMoments(real);
        using var generateds = new WeightedMoments(generated);
        for (var at = 0; at < distances.Length; at++)
        {
            using var inner = NewDisposeScope();
            var ((realMean, realFactor), (generatedMean, generatedFactor)) = (reals.Of(1 + at), generateds.Of(1 + at));
            distances[at] = Combine(realMean, realFactor, generatedMean, generatedFactor, Root(realFactor.matmul(generatedFactor.t())));
        }

        return distances;
    }

    /// <summary>Weighted mean <c>[d]</c>, and a factor <c>[min(n, d), d]</c> with Σ = FᵀF; equal weights give the divisor n − 1.</summary>
    internal static (Tensor Mean, Tensor Factor) Moments(Tensor features, Tensor weights)
    {
        var mean = weights.matmul(features);
        var scale = (weights / (ones_like(weights[0]) - weights.square().sum())).sqrt();
        var centred = (features - mean) * scale.unsqueeze(1);
        return (mean, features.shape[0] > features.shape[1] ? linalg.qr(centred).R : centred);
    }

    private static double Combine(Tensor realMean, Tensor realFactor, Tensor generatedMean, Tensor generatedFactor, Tensor root)
    {
        var distance = (realMean - generatedMean).square().sum() + realFactor.square().sum() + generatedFactor.square().sum()
            - root * S(2.0);
        return Math.Max(0, distance.ToDouble());
    }

    /// <summary>
    /// Sum of the singular values of RGᵀ by the eigenvalues of its square, in a third of the time: an interval does not need the small
    /// ones exactly.
    /// </summary>
    private static Tensor Root(Tensor product)
    {
        var smaller = product.shape[0] <= product.shape[1] ? product.matmul(product.t()) : product.t().matmul(product);
        return linalg.eigvalsh(smaller).clamp_min(S(0.0)).sqrt().sum();
    }

    private static Tensor Equal(Tensor features) =>
        full([features.shape[0]], S(1.0 / features.shape[0]), ScalarType.Float64, features.device);
}
