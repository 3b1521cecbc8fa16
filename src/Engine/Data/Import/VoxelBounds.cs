using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>The smallest box that holds some voxels of a volume: the first and the last of them along D, H and W.</summary>
internal readonly record struct VoxelBounds((int First, int Last) D, (int First, int Last) H, (int First, int Last) W)
{
    private static readonly (int First, int Last) None = (int.MaxValue, -1);

    /// <summary>The box, or null where there is no such voxel.</summary>
    /// <param name="shape">The volume's shape, of one channel.</param>
    /// <param name="isInside">Whether the box has to hold the voxel of an index, W fastest.</param>
    public static VoxelBounds? Of(VolumeShape shape, Func<int, bool> isInside)
    {
        var (d, h, w) = (None, None, None);
        for (var i = 0; i < shape.Voxels; i++)
        {
            if (!isInside(i))
                continue;
            var place = shape.PlaceOf(i);
            (d, h, w) = (Grown(d, place.D), Grown(h, place.H), Grown(w, place.W));
        }

        return d == None ? null : new VoxelBounds(d, h, w);
    }

    private static (int, int) Grown((int First, int Last) range, int at) => (Math.Min(range.First, at), Math.Max(range.Last, at));
}
