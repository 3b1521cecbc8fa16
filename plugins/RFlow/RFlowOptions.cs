using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.RFlow;

/// <summary>Options of <c>rflow</c>. Times are τ = t/1000: 0 is clean, 1 is pure noise.</summary>
public sealed record RFlowOptions
{
    /// <summary>What the network returns. Default: the velocity.</summary>
    public Prediction Prediction { get; init; } = Prediction.Velocity;

    /// <summary>How training times are drawn. Default: logit-normal.</summary>
    public TimeSampling Sampling { get; init; } = TimeSampling.LogitNormal;

    /// <summary>
    /// Share of the training times that are drawn uniformly; only with sampling mixture. Default 0.1: of a logit-normal with loc 0 and
    /// scale 1 no more than 0.2 % lie below τ = 0.05, with this share 0.65 %.
    /// </summary>
    [Range(1e-6, 1 - 1e-6)]
    public double? UniformShare { get; init; }

    /// <summary>Mean of the logit of τ; of the logit-normal law. The median of that is sigmoid(loc). Default 0.</summary>
    [Range(-10.0, 10.0)]
    public double Loc { get; init; }

    /// <summary>Standard deviation of the logit of τ; of the logit-normal law. Default 1.</summary>
    [Range(1e-3, 10.0)]
    public double Scale { get; init; } = 1;

    /// <summary>Whether training times are cut down to multiples of 1/1000 before the transform. Default false.</summary>
    public bool DiscreteTimesteps { get; init; }

    /// <summary>
    /// The grid to which the latent's is compared: the time law is <c>τ' = rτ / (1 + (r − 1)τ)</c>,
    /// <c>r = transform_scale · (latent voxels / base voxels)^(1/3)</c>, in training and in sampling. Default: the latent's own grid, so
    /// that r = transform_scale.
    /// </summary>
    public TransformBase TransformBase { get; init; } = TransformBase.Latent;

    /// <summary>Factor of r: above 1 moves times towards noise, below 1 towards the data. Default 1.</summary>
    [Range(1e-3, 1e3)]
    public double TransformScale { get; init; } = 1;

    /// <summary>
    /// Root mean square σ of the latent, by which the network's input and output are brought to unit size at every noise level; the loss is
    /// then of that output. Only with prediction velocity. Default 0: the network sees the noisy latent and returns the velocity itself.
    /// </summary>
    [Range(0.0, 1000.0)]
    public double SigmaData { get; init; }

    /// <summary>How the loss weighs noise levels, in training and in validation. Default: all the same.</summary>
    public LossWeighting LossWeighting { get; init; } = LossWeighting.None;

    /// <summary>The largest weight that <c>inverse_square</c> gives, to all τ below its inverse root. Default 100, at τ = 0.1.</summary>
    [Range(1.0, 1e6)]
    public double? LargestWeight { get; init; }

    /// <summary>γ of <c>min_snr</c>. Default 5.</summary>
    [Range(1e-3, 1e6)]
    public double? SnrGamma { get; init; }
}

/// <summary>What the network returns.</summary>
public enum Prediction
{
    /// <summary>v = x0 − ε.</summary>
    Velocity,

    /// <summary>The clean sample x0.</summary>
    Sample,

    /// <summary>The noise ε.</summary>
    Noise,
}

/// <summary>How training times are drawn.</summary>
public enum TimeSampling
{
    /// <summary>τ = sigmoid(loc + scale · N(0, 1)) (arXiv:2403.03206, section 3.1).</summary>
    LogitNormal,

    /// <summary>τ uniform in [0, 1).</summary>
    Uniform,

    /// <summary>
    /// A share of the draws uniform, the others logit-normal. The logit-normal hardly ever draws the ends, so that a network knows nothing
    /// of τ near 0, where samplers of many steps ask it often.
    /// </summary>
    Mixture,
}

/// <summary>How the loss weighs noise levels.</summary>
public enum LossWeighting
{
    /// <summary>All the same.</summary>
    None,

    /// <summary>1/τ² up to a largest weight: towards the data.</summary>
    InverseSquare,

    /// <summary>
    /// 2 / (π·(1 − 2τ + 2τ²)), the density of the map from cosine to linear times (arXiv:2403.03206, section 3.1): towards τ = 1/2.
    /// </summary>
    Cosmap,

    /// <summary>
    /// min(SNR, γ) of errors of the clean sample (arXiv:2303.09556), with SNR = ((1 − τ)/τ)²: for the velocity τ²·min(SNR, γ), for the
    /// noise min(SNR, γ)/SNR. Not with sigma_data.
    /// </summary>
    MinSnr,
}

/// <summary>The grid to which the time transform compares the latent's.</summary>
public enum TransformBase
{
    /// <summary>The latent itself: no dependence on compression.</summary>
    Latent,

    /// <summary>The uncompressed volume, as the original experiments had it: r = 1/2 where each axis is halved.</summary>
    Volume,
}
