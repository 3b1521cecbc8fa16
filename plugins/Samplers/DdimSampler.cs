using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of <c>ddim</c>.</summary>
public sealed record DdimOptions
{
    /// <summary>Steps from noise to data; each calls the network once. Default 50.</summary>
    [Range(1, 1000)]
    public int Steps { get; init; } = 50;

    /// <summary>
    /// Noise that each step adds anew, as a share of what <c>ddpm</c> with the small variance adds: 0, the default, adds none and makes the
    /// sample a function of the first noise; 1 is <c>ddpm</c>.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Eta { get; init; }

    /// <summary>
    /// Whether each estimate of the clean sample is brought to that of a volume from 0 to 1. Not for learned latents, where there is no
    /// such thing. Default false.
    /// </summary>
    public bool Clip { get; init; }
}

/// <summary>
/// Denoising diffusion implicit models (arXiv:2010.02502, equations 12 and 16), for any Gaussian process:
/// <c>x' = α'·x̂0 + √(σ'² − s²)·ε̂ + s·z</c> with s = η times the posterior's standard deviation. With η = 0 on rectified flow it is
/// Euler's method.
/// </summary>
[Sampler("ddim", Summary = "DDIM on the process's own time grid, deterministic or with noise; one network call a step.")]
public sealed class DdimSampler : ISampler<DdimOptions>
{
    /// <inheritdoc/>
    public DdimOptions Tiny => new() { Steps = 2, Eta = 0.5 };

    /// <inheritdoc/>
    public Sampler Create(DdimOptions options, PartContext context) =>
        new EstimatingSampler(options.Steps, options.Clip, (process, t, earlier) =>
        {
            var fresh = options.Eta * Math.Sqrt(Posterior.Between(process, t, earlier).Variance);
            var sigma = process.Sigma(earlier);
            return (Math.Sqrt(Math.Max(sigma * sigma - fresh * fresh, 0)), fresh);
        });
}
