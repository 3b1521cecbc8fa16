using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>Options of <c>sda</c>.</summary>
public sealed record SdaOptions
{
    /// <summary>Chance that a step has the shifted term. Default 0.5.</summary>
    [Range(0.0, 1.0)]
    public double Probability { get; init; } = 0.5;

    /// <summary>How much noisier the shifted term is, in τ = t/1000. Default 0.1.</summary>
    [Range(0.0, 1.0)]
    public double NoiseShift { get; init; } = 0.1;

    /// <summary>Weight of the shifted term beside the step's own. Default 1.</summary>
    [Range(0.0, 1e3)]
    public double Weight { get; init; } = 1;

    /// <summary>Whether quarter turns in the H–W plane are among the transforms; needs H = W. Default true.</summary>
    public bool Rotation { get; init; } = true;

    /// <summary>Whether mirror images along D, H and W are among the transforms. Default true.</summary>
    public bool Flip { get; init; } = true;
}
