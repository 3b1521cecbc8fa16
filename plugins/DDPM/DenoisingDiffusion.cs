using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.DDPM;

/// <summary>
/// The process <c>x_t = α·x0 + σ·ε</c> with <c>α² + σ² = 1</c>. DDPM counts its thousand noise levels from index 0; t = index + 1 here,
/// because t = 0 is the data. Training draws whole t from 1 to 1000, and the network is told the index, so that it gets the numbers that
/// published weights were trained with.
/// </summary>
/// <param name="options">What is predicted, how it is weighted, which times sampling visits.</param>
/// <param name="levels">The schedule.</param>
internal sealed class DenoisingDiffusion(DdpmOptions options, SignalLevels levels) : NoiseProcess
{
    // x0 = (x − σε)/α magnifies an error of ε by 1/α, which the cosine schedule lets grow to 20,000 at t = 1000. Below
    // this α (there t > 996), where the data are half a hundredth of x, the estimate of x0 fades out instead.
    // DDPM's linear betas end above it
    private const double SmallestAlpha = 5e-3;

    // ε = (x − αx0)/σ, and the slope of σ is infinite at t = 0. At t = 1, the least that training draws, σ =
    // √beta_start is no smaller than this
    private const double SmallestSigma = 1e-3;

    public override double Alpha(double t) => levels.Alpha(t);

    public override double Sigma(double t) => levels.Sigma(t);

    public override Tensor SampleTimesteps(long batch, Generator random) =>
        randint(1, (long)Horizon + 1, [batch], ScalarType.Float32, CPU, generator: random);

    /// <summary>The least t that has the share at or below it.</summary>
    public override double TimestepQuantile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(share, 1);
        return Math.Ceiling(share * Horizon);
    }

    /// <summary>DDPM's index, t − 1; 0 for the times below 1 that solvers may ask for and training never draws.</summary>
    public override Tensor NetworkTimesteps(Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return (timesteps - S(1.0)).clamp_min(S(0.0)).MoveToOuterDisposeScope();
    }

    public override double[] TimeGrid(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, (int)Horizon);
        Func<int, double> time = options.Spacing switch
        {
            TimestepSpacing.Trailing => step => Math.Round(Horizon - step * Horizon / steps),
            TimestepSpacing.Linspace => step => Math.Round(Horizon - step * (Horizon - 1) / Math.Max(steps - 1, 1)),
            _ => step => 1 + (steps - 1 - step) * ((int)Horizon / steps),
        };
        return [.. Enumerable.Range(0, steps).Select(time), 0];
    }

    public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var (alpha, sigma) = Weights(timesteps);
        return (alpha * clean + sigma * noise).MoveToOuterDisposeScope();
    }

    public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps)
    {
        if (options.Prediction != Prediction.Velocity)
            return (options.Prediction == Prediction.Sample ? clean : noise).clone();
        using var scope = NewDisposeScope();
        var (alpha, sigma) = Weights(timesteps);
        return (alpha * noise - sigma * clean).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Min-SNR-γ. In terms of x0 the losses of ε and v already weigh SNR and SNR + 1, SNR = α²/σ², so that all three predictions end up
    /// with min(SNR, γ). The forms below have no division by a σ or α of 0 that is not cut off.
    /// </summary>
    public override Tensor? LossWeight(Tensor timesteps)
    {
        if (options.MinSnrGamma is not { } gamma)
            return null;
        using var scope = NewDisposeScope();
        var data = levels.LogShare(timesteps).exp();
        var noise = -data + S(1.0);
        var weight = options.Prediction switch
        {
            Prediction.Epsilon => (noise / data * S(gamma)).clamp_max(S(1.0)), // min(SNR, γ)/SNR
            Prediction.Sample => (data / noise).clamp_max(S(gamma)), // min(SNR, γ)
            _ => minimum(data, noise * S(gamma)), // min(SNR, γ)/(SNR + 1)
        };
        return weight.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        if (options.Prediction == Prediction.Sample)
            return prediction.clone();
        using var scope = NewDisposeScope();
        var (alpha, sigma) = Weights(timesteps);
        var clean = options.Prediction == Prediction.Epsilon
            ? (noisy - sigma * prediction) / alpha.clamp_min(S(SmallestAlpha))
            : alpha * noisy - sigma * prediction;
        return clean.MoveToOuterDisposeScope();
    }

    public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        if (options.Prediction == Prediction.Epsilon)
            return prediction.clone();
        using var scope = NewDisposeScope();
        var (alpha, sigma) = Weights(timesteps);
        var noise = options.Prediction == Prediction.Sample
            ? (noisy - alpha * prediction) / sigma.clamp_min(S(SmallestSigma))
            : sigma * noisy + alpha * prediction;
        return noise.MoveToOuterDisposeScope();
    }

    /// <summary>dα/dτ·x0 + dσ/dτ·ε, where dα/dτ = α·λ and dσ/dτ = −α²/σ·λ with λ = ½·d log ᾱ/dτ.</summary>
    public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var (alpha, sigma) = Weights(timesteps);
        var rate = Column(levels.LogShareSlope(timesteps) * S(0.5));
        var ofClean = alpha * rate;
        var ofNoise = alpha.square() / sigma.clamp_min(S(SmallestSigma)) * rate;
        return (ofClean * Clean(noisy, prediction, timesteps) - ofNoise * Noise(noisy, prediction, timesteps)).MoveToOuterDisposeScope();
    }

    /// <summary>α and σ as columns; taken in float64, because σ is the root of what ᾱ lacks to 1.</summary>
    private (Tensor Alpha, Tensor Sigma) Weights(Tensor timesteps)
    {
        var logShare = levels.LogShare(timesteps);
        return (Column((logShare * S(0.5)).exp()), Column((-logShare.expm1()).sqrt()));
    }
}
