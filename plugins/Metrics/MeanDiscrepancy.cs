using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// The unbiased squared maximum mean discrepancy (Gretton et al., JMLR 2012, lemma 6) with weights: mean kernel within each set,
/// without a feature beside itself, less twice the mean kernel between the sets.
/// </summary>
/// <param name="kernel">Kernel matrix <c>[a, b]</c> of features <c>[a, d]</c> and <c>[b, d]</c>.</param>
internal sealed class MeanDiscrepancy(Func<Tensor, Tensor, Tensor> kernel)
{
    // rows of the kernel matrix at a time: 20,000 features would need 3 GB of it
    private const long Block = 1024;

    /// <summary>One value for each row of weights, float64 <c>[rows, n]</c>, whose rows sum to 1.</summary>
    private double[] Squared(Tensor real, Tensor generated, Tensor realWeights, Tensor generatedWeights)
    {
        using var scope = NewDisposeScope();
        var between = Sum(real, generated, realWeights, generatedWeights);
        return [.. (Within(real, realWeights) + Within(generated, generatedWeights) - between * S(2.0)).cpu().data<double>()];
    }

    /// <summary>The value of the sample, and those of its resamples.</summary>
    public (double Value, double[] Resamples) Squared(FeatureWeights real, FeatureWeights generated)
    {
        using var scope = NewDisposeScope();
        var squares = Squared(real.Set.Rows, generated.Set.Rows, real.OfRows(), generated.OfRows());
        return (squares[0], squares[1..]);
    }

    /// <summary>The value with equal weights.</summary>
    public double Squared(Tensor real, Tensor generated)
    {
        using var scope = NewDisposeScope();
        return Squared(real, generated, Equal(real), Equal(generated))[0];
    }

    private Tensor Within(Tensor features, Tensor weights)
    {
        var squares = weights.square();
        var itself = cat([.. features.split(Block).Select(Diagonal)], 0);
        return (Sum(features, features, weights, weights) - squares.matmul(itself))
            / (ones_like(weights[TensorIndex.Colon, 0]) - squares.sum(1));
    }

    private Tensor Sum(Tensor left, Tensor right, Tensor leftWeights, Tensor rightWeights)
    {
        var blocks = left.split(Block).Zip(leftWeights.split(Block, 1), (features, weights) =>
        {
            using var scope = NewDisposeScope();
            return (weights.matmul(kernel(features, right)) * rightWeights).sum(1).MoveToOuterDisposeScope();
        });
        // sum(0) would be sum(ScalarType.Byte)
        return stack([.. blocks], 0).sum(0L);
    }

    private Tensor Diagonal(Tensor features)
    {
        using var scope = NewDisposeScope();
        return kernel(features, features).diagonal().clone().MoveToOuterDisposeScope();
    }

    private static Tensor Equal(Tensor features)
    {
        var n = features.shape[0];
        return full([1, n], S(1.0 / n), ScalarType.Float64, features.device);
    }
}
