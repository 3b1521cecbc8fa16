using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>What all metrics of two sets of features have in common.</summary>
public abstract record FeatureMetricOptions
{
    /// <summary>
    /// What makes features of volumes: <c>scattering</c>, the path of a safetensors file that <c>features export</c> wrote, or that of a
    /// TorchScript file whose <c>forward</c> takes volumes <c>[1, C, D, H, W]</c> in [0, 1] and returns features <c>[rows, d]</c>.
    /// Default: none; the metric takes features.
    /// </summary>
    public string? Extractor { get; init; }

    /// <summary>Resamples for the interval, 20 or more, or 0 for none. The time goes up with it. Default 100.</summary>
    [Range(0, 100_000)]
    public int Bootstrap { get; init; } = 100;

    /// <summary>Seed of the resamples; the value itself does not depend on it. Default 0.</summary>
    [Range(0, int.MaxValue)]
    public int BootstrapSeed { get; init; }

    /// <summary>Level of the interval. Default 0.95.</summary>
    [Range(0.5, 0.999)]
    public double Confidence { get; init; } = 0.95;
}
