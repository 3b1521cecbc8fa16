using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// Tumours of a mask by size. A tumour is a 26-connected component; its size is the 3-D Feret diameter, the largest distance between
/// centres of two of its voxels in mm; that of a single voxel is the smallest voxel size.
/// </summary>
public static class TumourSizes
{
    /// <summary>Lower edges of the seven bins in mm; each reaches to the next edge, which it does not hold, and the last has no end.</summary>
    public static IReadOnlyList<double> Edges { get; } = [0, 3, 6, 10, 15, 20, 30];

    /// <summary>The bin of a diameter in mm.</summary>
    public static int BinOf(double diameter)
    {
        var bin = 0;
        while (bin + 1 < Edges.Count && diameter >= Edges[bin + 1])
            bin++;
        return bin;
    }

    /// <summary>Number of tumours in each bin.</summary>
    public static int[] Count(IEnumerable<double> diameters)
    {
        var counts = new int[Edges.Count];
        foreach (var diameter in diameters)
            counts[BinOf(diameter)]++;
        return counts;
    }

    /// <summary>Diameters of all tumours in mm, in the order in which a scan meets them.</summary>
    /// <param name="mask"><c>[D, H, W]</c>, W fastest; above 0.5 is tumour. Give real slices only: padding repeats the last one.</param>
    /// <param name="shape">The mask's shape, of one channel.</param>
    /// <param name="spacing">Voxel size in mm.</param>
    public static IReadOnlyList<double> Diameters(ReadOnlySpan<float> mask, VolumeShape shape, Spacing spacing) => Find(mask, shape, spacing).Diameters;

    /// <summary>All tumours: which voxels are theirs, and their diameters.</summary>
    /// <inheritdoc cref="Diameters"/>
    public static Tumours Find(ReadOnlySpan<float> mask, VolumeShape shape, Spacing spacing)
    {
        if (mask.Length != shape.Elements || shape.Channels != 1)
            throw new ArgumentException($"a mask of {mask.Length} voxels is not {shape}", nameof(mask));
        var diameters = new List<double>();
        var labels = new int[mask.Length];
        var rim = new List<(int D, int H, int W)>();
        var open = new Stack<(int D, int H, int W)>();
        for (var i = 0; i < mask.Length; i++)
        {
            if (labels[i] > 0 || mask[i] <= 0.5f)
                continue;
            labels[i] = diameters.Count + 1;
            rim.Clear();
            open.Push((i / (shape.Height * shape.Width), i / shape.Width % shape.Height, i % shape.Width));
            while (open.TryPop(out var voxel))
            {
                if (CanBeExtreme(mask, shape, voxel))
                    rim.Add(voxel);
                Visit(mask, shape, voxel, labels, diameters.Count + 1, open);
            }

            diameters.Add(Feret(rim, spacing));
        }

        return new Tumours(labels, diameters);
    }

    private static void Visit(
        ReadOnlySpan<float> mask, VolumeShape shape, (int D, int H, int W) voxel, int[] labels, int label, Stack<(int D, int H, int W)> open)
    {
        for (var d = Math.Max(0, voxel.D - 1); d <= Math.Min(shape.Depth - 1, voxel.D + 1); d++)
        {
            for (var h = Math.Max(0, voxel.H - 1); h <= Math.Min(shape.Height - 1, voxel.H + 1); h++)
            {
                for (var w = Math.Max(0, voxel.W - 1); w <= Math.Min(shape.Width - 1, voxel.W + 1); w++)
                {
                    var i = (d * shape.Height + h) * shape.Width + w;
                    if (labels[i] > 0 || mask[i] <= 0.5f)
                        continue;
                    labels[i] = label;
                    open.Push((d, h, w));
                }
            }
        }
    }

    // The two ends of a diameter are corners of the convex hull, and no corner lies midway between two voxels of its component.
    private static bool CanBeExtreme(ReadOnlySpan<float> mask, VolumeShape shape, (int D, int H, int W) voxel)
    {
        var i = (voxel.D * shape.Height + voxel.H) * shape.Width + voxel.W;
        return !Midway(mask, i, shape.Height * shape.Width, voxel.D, shape.Depth)
            && !Midway(mask, i, shape.Width, voxel.H, shape.Height)
            && !Midway(mask, i, 1, voxel.W, shape.Width);
    }

    private static bool Midway(ReadOnlySpan<float> mask, int i, int stride, int place, int size) =>
        place > 0 && place < size - 1 && mask[i - stride] > 0.5f && mask[i + stride] > 0.5f;

    private static double Feret(List<(int D, int H, int W)> rim, Spacing spacing)
    {
        var largest = 0.0;
        for (var i = 0; i < rim.Count; i++)
        {
            for (var j = i + 1; j < rim.Count; j++)
            {
                var d = (rim[i].D - rim[j].D) * spacing.Depth;
                var h = (rim[i].H - rim[j].H) * spacing.Height;
                var w = (rim[i].W - rim[j].W) * spacing.Width;
                largest = Math.Max(largest, d * d + h * h + w * w);
            }
        }

        // every component has a rim, and only a single voxel has no second one on it
        return largest > 0 ? Math.Sqrt(largest) : Math.Min(spacing.Depth, Math.Min(spacing.Height, spacing.Width));
    }
}

/// <summary>The tumours of a mask.</summary>
/// <param name="Labels">For each voxel of the mask the tumour that it belongs to, from 1, or 0.</param>
/// <param name="Diameters">Diameter of each tumour in mm; tumour n is at n − 1.</param>
public sealed record Tumours(IReadOnlyList<int> Labels, IReadOnlyList<double> Diameters);
