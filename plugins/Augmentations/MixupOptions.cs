using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>Options of <c>mixup</c>.</summary>
public sealed record MixupOptions
{
    /// <summary>
    /// α of the weights' law Beta(α, α): towards 0 nearly all of one sample, 1 any share alike, beyond that nearer and nearer to halves.
    /// Default 0.2.
    /// </summary>
    [Range(1e-2, 1e3)]
    public double Alpha { get; init; } = 0.2;

    /// <summary>Chance that a step's samples are mixed. Default 1.</summary>
    [Range(0.0, 1.0)]
    public double Probability { get; init; } = 1;
}
