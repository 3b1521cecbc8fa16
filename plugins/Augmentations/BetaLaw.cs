using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>The symmetric Beta law on [0, 1].</summary>
internal static class BetaLaw
{
    /// <summary>One draw from Beta(α, α): G/(G + G') of two independent Gamma(α) draws.</summary>
    public static double Draw(double alpha, Generator random) => 1 / (1 + Math.Exp(LogGamma(alpha, random) - LogGamma(alpha, random)));

    /// <summary>
    /// The logarithm of a draw from Gamma(shape) (Marsaglia and Tsang, ACM TOMS 26, 2000). Gamma(a) is Gamma(a + 1)·U^(1/a), which with
    /// small a is often less than the least number above 0; its logarithm is not.
    /// </summary>
    private static double LogGamma(double shape, Generator random)
    {
        var d = shape + 1 - 1.0 / 3;
        while (true)
        {
            var x = Normal(random);
            var v = Math.Pow(1 + x / Math.Sqrt(9 * d), 3);
            if (v > 0 && Math.Log(1 - random.Uniform()) < x * x / 2 + d * (1 - v + Math.Log(v)))
                return Math.Log(d * v) + Math.Log(1 - random.Uniform()) / shape;
        }
    }

    private static double Normal(Generator random)
    {
        using var drawn = randn([1], ScalarType.Float64, CPU, generator: random);
        return drawn.item<double>();
    }
}
