using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.SignedDistance;

/// <summary>Options of <c>signed_distance</c>.</summary>
public sealed record SignedDistanceOptions
{
    /// <summary>Distance from a border, in voxels, at which the latent has reached 0 outside and 1 inside. Default 3.</summary>
    [Range(1.0, 32.0)]
    public double Reach { get; init; } = 3;

    /// <summary>
    /// Side of the block of distances that becomes channels; divides D, H and W. Default 2; 1 leaves them where they are.
    /// </summary>
    [Range(1, 64)]
    public int Factor { get; init; } = 2;
}
