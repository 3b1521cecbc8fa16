using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.WDM;

/// <summary>Options of <c>haar</c>.</summary>
public sealed record HaarOptions
{
    /// <summary>
    /// Whether volumes are brought from [0, 1] to [−1, 1] before the transform, and back after its inverse. Default false.
    /// </summary>
    public bool Rescale { get; init; }

    /// <summary>
    /// What the LLL band is divided by in the latent, and multiplied by again before the inverse. Default 1; the authors of WDM take 3,
    /// which brings LLL of a volume in [−1, 1] near the range of the volume itself.
    /// </summary>
    [Range(0.001, 1000.0)]
    public double LowPassDivisor { get; init; } = 1;
}
