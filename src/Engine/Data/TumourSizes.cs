using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// Tumours of a mask by size. A tumour is a 26-connected component; its size is the 3-D Feret diameter, the largest distance between
/// centres of two of its voxels in mm; that of a single voxel is the smallest voxel size.
/// </summary>
public static class TumourSizes
{
    /// <summary>
    /// Lower edges of the seven bins in mm; each reaches to the next edge, which it does not hold, and the last has no end.
    /// </summary>
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
    public static IReadOnlyList<double> Diameters(ReadOnlySpan<float> mask, VolumeShape shape, Spacing spacing) =>
        Find(mask, shape, spacing).Diameters;

    /// <summary>All tumours: which voxels are theirs, and their diameters.</summary>
    /// <inheritdoc cref="Diameters"/>
    public static Tumours Find(ReadOnlySpan<float> mask, VolumeShape shape, Spacing spacing)
    {
        if (mask.Length != shape.Elements || shape.Channels != 1)
            throw new ArgumentException($"a mask of {mask.Length} voxels is not {shape}", nameof(mask));
        var inside = new bool[mask.Length];
        for (var i = 0; i < mask.Length; i++)
            inside[i] = mask[i] > 0.5f;
        var components = Components.Of(inside, shape, Neighbourhood.Corners);
        var rows = components.Sizes.Select(_ => new List<Row>()).ToArray();
        for (var i = 0; i < mask.Length; i++)
        {
            if (components.Labels[i] == 0)
                continue;
            var (d, h, w) = shape.PlaceOf(i);
            Add(rows[components.Labels[i] - 1], d, h, w);
        }

        return new Tumours(components.Labels, [.. rows.Select(each => Feret(Corners(each), spacing))], components.Sizes);
    }

    /// <summary>Notes a voxel, which a scan meets after those before it in its row.</summary>
    private static void Add(List<Row> rows, int d, int h, int w)
    {
        if (rows.Count > 0 && rows[^1].D == d && rows[^1].H == h)
            rows[^1] = rows[^1] with { Last = w };
        else
            rows.Add(new Row(d, h, w, w));
    }

    // The two ends of a diameter are corners of the convex hull, and so corners of the hull of their slice: a few hundred, of whatever.
    private static List<(int D, int H, int W)> Corners(List<Row> rows)
    {
        List<(int D, int H, int W)> corners = [];
        foreach (var slice in rows.GroupBy(row => row.D))
        {
            // in the order of H and then W, twice around: the lower side and, backwards, the upper one (Andrew's monotone chain)
            (int H, int W)[] points = [.. slice.SelectMany(row => new[] { (row.H, row.First), (row.H, row.Last) }).Distinct()];
            var around = Chain(points).Concat(Chain(Enumerable.Reverse(points))).Distinct();
            corners.AddRange(around.Select(point => (slice.Key, point.H, point.W)));
        }

        return corners;
    }

    private static List<(int H, int W)> Chain(IEnumerable<(int H, int W)> points)
    {
        List<(int H, int W)> chain = [];
        foreach (var (h, w) in points)
        {
            while (chain is [.., var (h0, w0), var (h1, w1)] && (h1 - h0) * (w - w0) - (w1 - w0) * (h - h0) <= 0)
                chain.RemoveAt(chain.Count - 1);
            chain.Add((h, w));
        }

        return chain;
    }

    private static double Feret(List<(int D, int H, int W)> corners, Spacing spacing)
    {
        var largest = 0.0;
        for (var i = 0; i < corners.Count; i++)
        {
            for (var j = i + 1; j < corners.Count; j++)
            {
                var d = (corners[i].D - corners[j].D) * spacing.Depth;
                var h = (corners[i].H - corners[j].H) * spacing.Height;
                var w = (corners[i].W - corners[j].W) * spacing.Width;
                largest = Math.Max(largest, d * d + h * h + w * w);
            }
        }

        // only a single voxel has but one corner
        return largest > 0 ? Math.Sqrt(largest) : Math.Min(spacing.Depth, Math.Min(spacing.Height, spacing.Width));
    }

    /// <summary>The first and the last voxel of a component in a row of a slice.</summary>
    private readonly record struct Row(int D, int H, int First, int Last);
}

/// <summary>The tumours of a mask.</summary>
/// <param name="Labels">For each voxel of the mask the tumour that it belongs to, from 1, or 0.</param>
/// <param name="Diameters">Diameter of each tumour in mm; tumour n is at n − 1.</param>
/// <param name="Voxels">Number of voxels of each.</param>
public sealed record Tumours(IReadOnlyList<int> Labels, IReadOnlyList<double> Diameters, IReadOnlyList<int> Voxels);
