using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.SpaceToDepth;

/// <summary>Options of <c>space_to_depth</c>.</summary>
public sealed record SpaceToDepthOptions
{
    /// <summary>Side of the block of voxels that becomes channels; divides D, H and W. Default 2.</summary>
    [Range(2, 64)]
    public int Factor { get; init; } = 2;
}
