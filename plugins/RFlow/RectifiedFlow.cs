using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.RFlow;

/// <summary>
/// The process <c>x_τ = (1 − τ)·x0 + τ·ε</c> with velocity <c>v = x0 − ε</c>, from noise to data: <c>dx/dτ = −v</c>.
/// </summary>
/// <param name="options">What is predicted and how training times are drawn.</param>
/// <param name="ratio">r of the time law <c>τ' = rτ / (1 + (r − 1)τ)</c>; 1 is the identity (arXiv:2403.03206, section 5.3.2).</param>
internal sealed class RectifiedFlow(RFlowOptions options, double ratio) : NoiseProcess
{
    // a velocity follows from x0 as (x0 − x)/τ and from ε as (x − ε)/(1 − τ): these keep the divisors away from 0
    private const double SmallestTau = 1e-5;

    // sampling starts at τ = 1, where ε says nothing of x0; the floor limits how much the first step magnifies the network's error
    private const double SmallestOneMinusTau = 1e-2;

    private const double DefaultLargestWeight = 100;

    private const double DefaultSnrGamma = 5;

    private readonly TimeLaw _law = new(options);

    public override double Alpha(double t) => 1 - t / Horizon;

    public override double Sigma(double t) => t / Horizon;

    public override Tensor SampleTimesteps(long batch, Generator random)
    {
        using var scope = NewDisposeScope();
        return Timesteps(_law.Draw(batch, random)).to_type(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>All that is made of a draw rises with it, so a quantile is what is made of the draw's.</summary>
    public override double TimestepQuantile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(share, 1);
        using var scope = NewDisposeScope();
        return Timesteps(tensor(_law.Quantile(share), ScalarType.Float64)).item<double>();
    }

    public override double[] TimeGrid(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return [.. Enumerable.Range(0, steps + 1).Select(step => Horizon * Transform(1 - (double)step / steps))];
    }

    public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var tau = Tau(timesteps);
        return (OneMinus(tau) * clean + tau * noise).MoveToOuterDisposeScope();
    }

    public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => options.Prediction switch
    {
        Prediction.Sample => clean.clone(),
        Prediction.Noise => noise.clone(),
        _ => clean - noise,
    };

    /// <summary>By the noise level itself, after the time transform; the law of times is not taken into account.</summary>
    public override Tensor? LossWeight(Tensor timesteps)
    {
        if (options.LossWeighting == LossWeighting.None)
            return null;
        using var scope = NewDisposeScope();
        var tau = timesteps.to(ScalarType.Float32) / S(Horizon);
        var weight = options.LossWeighting switch
        {
            LossWeighting.Cosmap => (OneMinus(tau).square() + tau.square()).reciprocal() * S(2 / Math.PI), // (1 − τ)² + τ² = 1 − 2τ + 2τ²
            LossWeighting.MinSnr => MinSnr(tau, options.SnrGamma ?? DefaultSnrGamma),
            _ => tau.square().reciprocal().clamp_max(S(options.LargestWeight ?? DefaultLargestWeight)),
        };
        return weight.MoveToOuterDisposeScope();
    }

    /// <summary>min(SNR, γ) times what an error of the prediction is in the clean sample, squared; without a division by τ = 0.</summary>
    private Tensor MinSnr(Tensor tau, double gamma)
    {
        var (signal, noise) = (OneMinus(tau).square(), tau.square());
        return options.Prediction switch
        {
            Prediction.Velocity => minimum(signal, noise * S(gamma)),
            Prediction.Sample => (signal / noise.clamp_min(S(SmallestTau * SmallestTau))).clamp_max(S(gamma)),
            _ => minimum(ones_like(tau), noise * S(gamma) / signal.clamp_min(S(SmallestTau * SmallestTau))),
        };
    }

    public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        if (options.Prediction == Prediction.Sample)
            return prediction.clone();
        using var scope = NewDisposeScope();
        return (noisy + Tau(timesteps) * Velocity(noisy, prediction, timesteps)).MoveToOuterDisposeScope();
    }

    public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        if (options.Prediction == Prediction.Noise)
            return prediction.clone();
        using var scope = NewDisposeScope();
        return (noisy - OneMinus(Tau(timesteps)) * Velocity(noisy, prediction, timesteps)).MoveToOuterDisposeScope();
    }

    public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return (-Velocity(noisy, prediction, timesteps)).MoveToOuterDisposeScope();
    }

    /// <summary>Timesteps of τ as it is drawn, float64.</summary>
    private Tensor Timesteps(Tensor tau)
    {
        if (options.DiscreteTimesteps)
            tau = (tau * S(Horizon)).floor() / S(Horizon);
        return tau * S(ratio) / (OneMinus(tau) + tau * S(ratio)) * S(Horizon);
    }

    private Tensor Velocity(Tensor noisy, Tensor prediction, Tensor timesteps) => options.Prediction switch
    {
        Prediction.Sample => (prediction - noisy) / Tau(timesteps).clamp_min(S(SmallestTau)),
        Prediction.Noise => (noisy - prediction) / OneMinus(Tau(timesteps)).clamp_min(S(SmallestOneMinusTau)),
        _ => prediction,
    };

    private double Transform(double tau) => ratio * tau / (1 - tau + ratio * tau);

    private static Tensor OneMinus(Tensor tau) => -tau + S(1.0);

    private static Tensor Tau(Tensor timesteps) => Column(timesteps) / S(Horizon);
}
