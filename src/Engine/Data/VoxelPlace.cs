using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>Where the voxels of a volume of one channel lie, whose columns run fastest.</summary>
internal static class VoxelPlace
{
    /// <summary>The place of the voxel of an index.</summary>
    public static (int D, int H, int W) PlaceOf(this VolumeShape shape, int index) =>
        (index / (shape.Height * shape.Width), index / shape.Width % shape.Height, index % shape.Width);

    /// <summary>The index of the voxel at a place.</summary>
    public static int IndexOf(this VolumeShape shape, int d, int h, int w) => (d * shape.Height + h) * shape.Width + w;
}
