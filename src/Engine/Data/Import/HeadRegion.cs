using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// The head in a volume: the largest connected part of what is brighter than a tenth of the way from the smallest intensity to the 99th
/// percentile, with its holes. It
/// is looked for in at most 64 cells along each axis: what is wanted is a box and a statistic, not an outline.
/// </summary>
internal sealed class HeadRegion
{
    private const int MostCells = 64;
    private const double Bright = 0.1, Highest = 0.99;

    private readonly bool[] _cells;
    private readonly VolumeShape _shape, _grid;
    private readonly int _d, _h, _w;

    private HeadRegion(bool[] cells, VolumeShape shape, VolumeShape grid, (int D, int H, int W) step) =>
        (_cells, _shape, _grid, (_d, _h, _w)) = (cells, shape, grid, step);

    /// <summary>Finds it; where nothing is brighter than the rest, it is the whole volume.</summary>
    /// <param name="voxels"><c>[D, H, W]</c>, W fastest.</param>
    /// <param name="shape">The volume's shape, of one channel.</param>
    public static HeadRegion Of(ReadOnlySpan<float> voxels, VolumeShape shape)
    {
        var step = (D: Step(shape.Depth), H: Step(shape.Height), W: Step(shape.Width));
        var grid = new VolumeShape(1, Cells(shape.Depth, step.D), Cells(shape.Height, step.H), Cells(shape.Width, step.W));
        var cells = new float[grid.Voxels];
        for (var i = 0; i < cells.Length; i++)
        {
            var (d, h, w) = (i / (grid.Height * grid.Width), i / grid.Width % grid.Height, i % grid.Width);
            var (row, column) = (Middle(h, step.H, shape.Height), Middle(w, step.W, shape.Width));
            cells[i] = voxels[(Middle(d, step.D, shape.Depth) * shape.Height + row) * shape.Width + column];
        }

        var sorted = (float[])cells.Clone();
        Array.Sort(sorted);
        var threshold = sorted[0] + Bright * (Quantile.Of(sorted, Highest) - sorted[0]);
        var head = BrainMask.Of(cells, grid, threshold);
        return new HeadRegion(head.IsEmpty ? [.. cells.Select(_ => true)] : head.Voxels, shape, grid, step);
    }

    /// <summary>Whether a voxel is in the head.</summary>
    public bool Contains(int d, int h, int w) => _cells[(d / _d * _grid.Height + h / _h) * _grid.Width + w / _w];

    /// <summary>The intensities of the head's voxels, sorted.</summary>
    public float[] Sorted(ReadOnlySpan<float> voxels)
    {
        var inside = new List<float>(voxels.Length / 2);
        for (var i = 0; i < voxels.Length; i++)
        {
            if (IsInside(i))
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
            if (IsInside(i))
                (least, greatest) = (Math.Min(least, voxels[i]), Math.Max(greatest, voxels[i]));
        }

        return (least, greatest);
    }

    /// <summary>The first and the last voxel of the head along D, H and W.</summary>
    public ((int First, int Last) D, (int First, int Last) H, (int First, int Last) W) Box()
    {
        var (d, h, w) = ((First: int.MaxValue, Last: 0), (First: int.MaxValue, Last: 0), (First: int.MaxValue, Last: 0));
        for (var i = 0; i < _cells.Length; i++)
        {
            if (!_cells[i])
                continue;
            d = Grown(d, i / (_grid.Height * _grid.Width));
            h = Grown(h, i / _grid.Width % _grid.Height);
            w = Grown(w, i % _grid.Width);
        }

        return (Voxels(d, _d, _shape.Depth), Voxels(h, _h, _shape.Height), Voxels(w, _w, _shape.Width));

        static (int, int) Grown((int First, int Last) range, int at) => (Math.Min(range.First, at), Math.Max(range.Last, at));
        static (int, int) Voxels((int First, int Last) range, int step, int size) =>
            (range.First * step, Math.Min(size - 1, range.Last * step + step - 1));
    }

    private bool IsInside(int i) => Contains(i / (_shape.Height * _shape.Width), i / _shape.Width % _shape.Height, i % _shape.Width);

    private static int Step(int voxels) => (voxels + MostCells - 1) / MostCells;

    private static int Cells(int voxels, int step) => (voxels + step - 1) / step;

    private static int Middle(int cell, int step, int voxels) => Math.Min(voxels - 1, cell * step + step / 2);
}
