using System.ComponentModel.DataAnnotations;

namespace Acme.UViT;

/// <summary>Options of <c>dct</c>.</summary>
public sealed record DctOptions
{
    /// <summary>Edge of a block of voxels: 2, 4 or 8; divides each size of the volume. Default 4.</summary>
    [AllowedValues(2, 4, 8)]
    public int Block { get; init; } = 4;

    /// <summary>
    /// Frequencies that are kept along each axis, from the lowest, at most as many as a block has voxels; fewer lose what is finer.
    /// Default 2: an eighth of the numbers where blocks have four voxels along each axis.
    /// </summary>
    [Range(1, 8)]
    public int Keep { get; init; } = 2;
}
