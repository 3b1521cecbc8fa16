using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Nifti;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Pictures;

/// <summary>
/// How a volume is turned to be looked at as radiologists do: slices run to the top, rows to the back and columns from the patient's right
/// to the left, as near as its own axes allow. Voxels stay as they are.
/// </summary>
internal sealed class Upright
{
    private readonly long[] _order = [0, 1, 2], _mirrored = [];

    /// <summary>The turn of volumes on a grid.</summary>
    /// <param name="grid">The grid, or null where volumes lie so already.</param>
    public Upright(VolumeGrid? grid)
    {
        if (grid is null)
            return;
        var axes = NiftiAffine.Axes(grid.Affine);
        // a file has H, W and D, a tensor D, H and W
        _order = [.. new[] { axes[2], axes[1], axes[0] }.Select(axis => (long)(axis + 1) % 3)];
        bool IsPositive(int world) => grid.Affine[world][axes[world]] > 0; // towards right, front or top
        bool[] mirrored = [!IsPositive(2), IsPositive(1), IsPositive(0)];
        _mirrored = [.. mirrored.Index().Where(axis => axis.Item).Select(axis => (long)axis.Index)];
    }

    /// <summary>The volume turned; a view.</summary>
    /// <param name="volume"><c>[D, H, W]</c>.</param>
    public Tensor Turned(Tensor volume)
    {
        var turned = volume.permute(_order);
        return _mirrored.Length > 0 ? turned.flip(_mirrored) : turned;
    }

    /// <summary>The voxel size of the turned volume.</summary>
    public Spacing Turned(Spacing spacing)
    {
        double[] sizes = [spacing.Depth, spacing.Height, spacing.Width];
        return new Spacing(sizes[_order[0]], sizes[_order[1]], sizes[_order[2]]);
    }
}
