using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>Which voxels hang together.</summary>
internal enum Neighbourhood
{
    /// <summary>Those that share a face: 6 neighbours.</summary>
    Faces,

    /// <summary>Those that share a corner at least: 26 neighbours.</summary>
    Corners,
}

/// <summary>The connected components of a mask.</summary>
/// <param name="Labels">For each voxel the component that it belongs to, from 1 in the order in which a scan meets them, or 0.</param>
/// <param name="Sizes">Voxels of each component; component n is at n − 1.</param>
internal sealed record Components(int[] Labels, IReadOnlyList<int> Sizes)
{
    /// <summary>The largest component, the first of them where several are as large, or 0 where there is none.</summary>
    public int Largest => Sizes.Count == 0 ? 0 : 1 + Sizes.Index().MaxBy(each => each.Item).Index;

    /// <summary>Finds them.</summary>
    /// <param name="mask"><c>[D, H, W]</c>, W fastest.</param>
    /// <param name="shape">The mask's shape.</param>
    /// <param name="neighbourhood">Which voxels hang together.</param>
    public static Components Of(ReadOnlySpan<bool> mask, VolumeShape shape, Neighbourhood neighbourhood)
    {
        var labels = new int[mask.Length];
        var sizes = new List<int>();
        var open = new Stack<(int D, int H, int W)>();
        for (var i = 0; i < mask.Length; i++)
        {
            if (labels[i] > 0 || !mask[i])
                continue;
            labels[i] = sizes.Count + 1;
            sizes.Add(0);
            open.Push(shape.PlaceOf(i));
            while (open.TryPop(out var voxel))
            {
                sizes[^1]++;
                Visit(mask, shape, voxel, labels, sizes.Count, neighbourhood, open);
            }
        }

        return new Components(labels, sizes);
    }

    private static void Visit(
        ReadOnlySpan<bool> mask, VolumeShape shape, (int D, int H, int W) voxel, int[] labels, int label,
        Neighbourhood neighbourhood, Stack<(int D, int H, int W)> open)
    {
        for (var d = Math.Max(0, voxel.D - 1); d <= Math.Min(shape.Depth - 1, voxel.D + 1); d++)
        {
            for (var h = Math.Max(0, voxel.H - 1); h <= Math.Min(shape.Height - 1, voxel.H + 1); h++)
            {
                for (var w = Math.Max(0, voxel.W - 1); w <= Math.Min(shape.Width - 1, voxel.W + 1); w++)
                {
                    var i = shape.IndexOf(d, h, w);
                    if (labels[i] > 0 || !mask[i])
                        continue;
                    if (neighbourhood == Neighbourhood.Faces && Math.Abs(d - voxel.D) + Math.Abs(h - voxel.H) + Math.Abs(w - voxel.W) > 1)
                        continue;
                    labels[i] = label;
                    open.Push((d, h, w));
                }
            }
        }
    }
}
