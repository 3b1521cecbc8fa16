using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.RFlow;

/// <summary>The law of training times τ before anything is made of them: logit-normal, uniform, or one of the two by chance.</summary>
/// <param name="options">Which, and its parameters.</param>
internal sealed class TimeLaw(RFlowOptions options)
{
    private const double DefaultUniformShare = 0.1;

    private double UniformShare => options.UniformShare ?? DefaultUniformShare;

    /// <summary>Draws of τ, float64 <c>[batch]</c>.</summary>
    public Tensor Draw(long batch, Generator random) => options.Sampling switch
    {
        TimeSampling.Uniform => Uniform(batch, random),
        TimeSampling.LogitNormal => LogitNormal(Normal(batch, random)),
        _ => where(Uniform(batch, random).lt(S(UniformShare)), Uniform(batch, random), LogitNormal(Normal(batch, random))),
    };

    /// <summary>The τ below which the share of draws lies.</summary>
    public double Quantile(double share) => options.Sampling switch
    {
        TimeSampling.Uniform => share,
        TimeSampling.LogitNormal => LogitNormalQuantile(share),
        _ => MixtureQuantile(share),
    };

    /// <summary>
    /// The mixture's distribution function has no inverse in closed form. It lies between the two laws' functions, so its quantile does
    /// between their quantiles; the interval is halved there until no float64 is left in it.
    /// </summary>
    private double MixtureQuantile(double share)
    {
        var (low, high) = (share, LogitNormalQuantile(share));
        if (low > high)
            (low, high) = (high, low);
        while ((low + high) / 2 is var middle && middle > low && middle < high)
        {
            if (UniformShare * middle + (1 - UniformShare) * LogitNormalShare(middle) < share)
                low = middle;
            else
                high = middle;
        }

        return high;
    }

    private double LogitNormalQuantile(double share)
    {
        using var scope = NewDisposeScope();
        // Φ⁻¹(u) = √2·erf⁻¹(2u − 1), the quantile of the standard normal law
        var normal = (tensor(share, ScalarType.Float64) * S(2.0) - S(1.0)).erfinv() * S(Math.Sqrt(2));
        return LogitNormal(normal).item<double>();
    }

    /// <summary>Φ((logit τ − loc)/scale) with Φ(z) = erfc(−z/√2)/2.</summary>
    private double LogitNormalShare(double tau)
    {
        using var scope = NewDisposeScope();
        var z = (Math.Log(tau / (1 - tau)) - options.Loc) / options.Scale;
        return tensor(-z / Math.Sqrt(2), ScalarType.Float64).erfc().item<double>() / 2;
    }

    private Tensor LogitNormal(Tensor normal) => (normal * S(options.Scale) + S(options.Loc)).sigmoid();

    private static Tensor Uniform(long batch, Generator random) => rand([batch], ScalarType.Float64, CPU, generator: random);

    private static Tensor Normal(long batch, Generator random) => randn([batch], ScalarType.Float64, CPU, generator: random);
}
