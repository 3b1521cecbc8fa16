using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of <c>ddpm</c>.</summary>
public sealed record AncestralOptions
{
    /// <summary>Steps from noise to data; each calls the network once. Default 1000, every timestep of <c>ddpm</c>'s process.</summary>
    [Range(1, 1000)]
    public int Steps { get; init; } = 1000;

    /// <summary>The variance of the noise that each step adds. Default: small.</summary>
    public StepVariance Variance { get; init; } = StepVariance.Small;

    /// <summary>
    /// Whether each estimate of the clean sample is brought to that of a volume from 0 to 1. Not for learned latents, where there is no
    /// such thing. Default false.
    /// </summary>
    public bool Clip { get; init; }
}

/// <summary>The two ends between which the right variance of a step lies (arXiv:2006.11239, section 3.2).</summary>
public enum StepVariance
{
    /// <summary>The posterior's given x0, DDPM's β̃: right for data that are a single point.</summary>
    Small,

    /// <summary>That of x' given x alone for data of mean 0 and variance 1, where it is right; DDPM's β.</summary>
    Large,
}

/// <summary>
/// Ancestral sampling (arXiv:2006.11239, algorithm 2), for any Gaussian process: each step draws from the exact posterior of x' given x and
/// the estimate of x0; the last one takes its mean.
/// </summary>
[Sampler("ddpm", Summary = "Ancestral sampling: each step draws from the Gaussian posterior; one network call a step.")]
public sealed class AncestralSampler : ISampler<AncestralOptions>
{
    /// <inheritdoc/>
    public AncestralOptions Tiny => new() { Steps = 3 };

    /// <inheritdoc/>
    public Sampler Create(AncestralOptions options, PartContext context) =>
        new EstimatingSampler(options.Steps, options.Clip, (process, t, earlier) =>
        {
            var posterior = Posterior.Between(process, t, earlier);
            var variance = earlier == 0 ? 0
                : options.Variance == StepVariance.Small ? posterior.Variance
                : Spread(process, earlier) / Spread(process, t) * posterior.Added;
            return (posterior.Direction, Math.Sqrt(variance));
        });

    /// <summary>The variance of x_t where that of the data is 1; always 1 in DDPM's own process.</summary>
    private static double Spread(NoiseProcess process, double t) => Math.Pow(process.Alpha(t), 2) + Math.Pow(process.Sigma(t), 2);
}
