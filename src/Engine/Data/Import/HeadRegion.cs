using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// The head in a volume: the largest connected part of what is brighter than a tenth of the way from the smallest intensity to the 99th
/// percentile, with its holes. It is looked for in at most 64 cells along each axis, each by its middle voxel, or by its brightest where
/// the middles show none; where cells are larger than a voxel, those at its border are looked at voxel by voxel, so that the box misses
/// nothing and no background gets into the statistics.
/// </summary>
internal sealed class HeadRegion
{
    private const int MostCells = 64;
    private const double Bright = 0.1, Highest = 0.99;

    private readonly bool[] _inside;
    private readonly VolumeShape _shape;

    private HeadRegion(bool[] inside, VolumeShape shape) => (_inside, _shape) = (inside, shape);

    /// <summary>Finds it; where nothing is brighter than the rest, it is the whole volume.</summary>
    /// <param name="voxels"><c>[D, H, W]</c>, W fastest.</param>
    /// <param name="shape">The volume's shape, of one channel.</param>
    public static HeadRegion Of(ReadOnlySpan<float> voxels, VolumeShape shape)
    {
        var step = (D: Step(shape.Depth), H: Step(shape.Height), W: Step(shape.Width));
        var grid = new VolumeShape(1, Cells(shape.Depth, step.D), Cells(shape.Height, step.H), Cells(shape.Width, step.W));
        var (head, threshold) = Find(OfMiddles(voxels, shape, grid, step), grid);
        if (head.IsEmpty)
            (head, threshold) = Find(OfBrightest(voxels, grid, CellOf), grid); // all of it may lie between the middles
        var kinds = Kinds(
            head.IsEmpty ? [.. Enumerable.Repeat(true, (int)grid.Voxels)] : head.Voxels, grid, ofOneVoxel: step is (1, 1, 1));
        var inside = new bool[voxels.Length];
        for (var i = 0; i < inside.Length; i++)
        {
            inside[i] = kinds[CellOf(i)] switch
            {
                Cell.Inner => true,
                Cell.Border => voxels[i] > threshold,
                _ => false,
            };
        }

        return new HeadRegion(inside, shape);

        int CellOf(int voxel)
        {
            var (d, h, w) = shape.PlaceOf(voxel);
            return grid.IndexOf(d / step.D, h / step.H, w / step.W);
        }
    }

    private static (BrainMask Head, double Threshold) Find(float[] cells, VolumeShape grid)
    {
        var sorted = (float[])cells.Clone();
        Array.Sort(sorted);
        var threshold = sorted[0] + Bright * (Quantile.Of(sorted, Highest) - sorted[0]);
        return (BrainMask.Of(cells, grid, threshold), threshold);
    }

    private static float[] OfMiddles(ReadOnlySpan<float> voxels, VolumeShape shape, VolumeShape grid, (int D, int H, int W) step)
    {
        var cells = new float[grid.Voxels];
        for (var i = 0; i < cells.Length; i++)
        {
            var (d, h, w) = grid.PlaceOf(i);
            cells[i] = voxels[
                shape.IndexOf(Middle(d, step.D, shape.Depth), Middle(h, step.H, shape.Height), Middle(w, step.W, shape.Width))];
        }

        return cells;
    }

    private static float[] OfBrightest(ReadOnlySpan<float> voxels, VolumeShape grid, Func<int, int> cellOf)
    {
        var cells = new float[grid.Voxels];
        Array.Fill(cells, float.NegativeInfinity);
        for (var i = 0; i < voxels.Length; i++)
        {
            ref var cell = ref cells[cellOf(i)];
            cell = Math.Max(cell, voxels[i]);
        }

        return cells;
    }

    private enum Cell
    {
        Outer,
        Border,
        Inner,
    }

    /// <summary>
    /// Which cells are the head's with all their voxels, and which may hold its border, as a neighbour is of the other sort.
    /// </summary>
    private static Cell[] Kinds(bool[] found, VolumeShape grid, bool ofOneVoxel)
    {
        var kinds = Array.ConvertAll(found, own => own ? Cell.Inner : Cell.Outer);
        if (ofOneVoxel)
            return kinds;
        for (var i = 0; i < kinds.Length; i++)
        {
            if (HasOtherNeighbour(found, grid, i))
                kinds[i] = Cell.Border;
        }

        return kinds;
    }

    private static bool HasOtherNeighbour(bool[] found, VolumeShape grid, int at)
    {
        var (depth, row, column) = grid.PlaceOf(at);
        for (var d = Math.Max(0, depth - 1); d <= Math.Min(grid.Depth - 1, depth + 1); d++)
        {
            for (var h = Math.Max(0, row - 1); h <= Math.Min(grid.Height - 1, row + 1); h++)
            {
                for (var w = Math.Max(0, column - 1); w <= Math.Min(grid.Width - 1, column + 1); w++)
                {
                    if (found[grid.IndexOf(d, h, w)] != found[at])
                        return true;
                }
            }
        }

        return false;
    }

    /// <summary>The intensities of the head's voxels, sorted.</summary>
    public float[] Sorted(ReadOnlySpan<float> voxels)
    {
        var inside = new List<float>(voxels.Length / 2);
        for (var i = 0; i < voxels.Length; i++)
        {
            if (_inside[i])
                inside.Add(voxels[i]);
        }

        var sorted = inside.ToArray();
        Array.Sort(sorted);
        return sorted;
    }

    /// <summary>The least and the greatest intensity of the head's voxels.</summary>
    public (float Least, float Greatest) Range(ReadOnlySpan<float> voxels)
    {
        var (least, greatest) = (float.PositiveInfinity, float.NegativeInfinity);
        for (var i = 0; i < voxels.Length; i++)
        {
            if (_inside[i])
                (least, greatest) = (Math.Min(least, voxels[i]), Math.Max(greatest, voxels[i]));
        }

        return (least, greatest);
    }

    /// <summary>The box of the head's voxels, of which there is one at least.</summary>
    public VoxelBounds Bounds() => VoxelBounds.Of(_shape, i => _inside[i])!.Value;

    private static int Step(int voxels) => (voxels + MostCells - 1) / MostCells;

    private static int Cells(int voxels, int step) => (voxels + step - 1) / step;

    private static int Middle(int cell, int step, int voxels) => Math.Min(voxels - 1, cell * step + step / 2);
}
