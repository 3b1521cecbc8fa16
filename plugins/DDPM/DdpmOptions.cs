using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.DDPM;

/// <summary>Options of <c>ddpm</c>. What is predicted, the schedule and the sampling grid can be combined freely.</summary>
public sealed record DdpmOptions
{
    /// <summary>How the noise grows over the thousand steps. Default: cosine.</summary>
    public NoiseSchedule Schedule { get; init; } = NoiseSchedule.Cosine;

    /// <summary>Variance β that the first step adds; only with a schedule of betas. Default 1e-4.</summary>
    [Range(1e-6, 0.999)]
    public double? BetaStart { get; init; }

    /// <summary>Variance β that the last step adds; only with a schedule of betas. Default 0.02.</summary>
    [Range(1e-6, 0.999)]
    public double? BetaEnd { get; init; }

    /// <summary>What the network returns. Default: the noise ε.</summary>
    public Prediction Prediction { get; init; } = Prediction.Epsilon;

    /// <summary>
    /// γ of the min-SNR weighting (arXiv:2303.09556), which caps the weight that little noise would have in terms of x0; the paper uses 5.
    /// Default null: all timesteps weigh the same.
    /// </summary>
    [Range(1e-3, 1e6)]
    public double? MinSnrGamma { get; init; }

    /// <summary>Which of the thousand timesteps a sampler with fewer steps visits. Default: leading.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Leading;
}

/// <summary>How the noise grows.</summary>
public enum NoiseSchedule
{
    /// <summary>
    /// ᾱ(t) = cos²((t/1000 + 0.008)/1.008 · π/2) over its value at 0, with β at most 0.999 (arXiv:2102.09672, equation 17).
    /// </summary>
    Cosine,

    /// <summary>β grows linearly (arXiv:2006.11239, section 4).</summary>
    LinearBeta,

    /// <summary>√β grows linearly, as in latent diffusion (arXiv:2112.10752).</summary>
    ScaledLinearBeta,
}

/// <summary>What the network returns.</summary>
public enum Prediction
{
    /// <summary>The noise ε.</summary>
    Epsilon,

    /// <summary>The clean sample x0.</summary>
    Sample,

    /// <summary>v = α·ε − σ·x0 (arXiv:2202.00512, appendix D). Not the velocity of <c>rflow</c>.</summary>
    Velocity,
}

/// <summary>Timesteps of a sampler of N steps (arXiv:2305.08891, table 2).</summary>
public enum TimestepSpacing
{
    /// <summary>
    /// 1 + k·⌊1000/N⌋: ends at t = 1 and starts below 1000, at 981 for N = 50, as the original did. N should divide 1000.
    /// </summary>
    Leading,

    /// <summary>1000 − k·1000/N, rounded: starts at pure noise.</summary>
    Trailing,

    /// <summary>From 1000 to 1 in equal parts, rounded.</summary>
    Linspace,
}
