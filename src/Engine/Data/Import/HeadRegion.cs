using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// The head in a volume: the largest connected part of what is brighter than a tenth of the way from the smallest intensity to the 99th
/// percentile, with its holes. It is looked for in at most 64 cells along each axis, each by its middle voxel; where cells are larger than a
/// voxel, those at its border are looked at voxel by voxel, so that the box misses nothing and no background gets into the statistics.
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
        bool[] found = head.IsEmpty ? [.. cells.Select(_ => true)] : head.Voxels;
        var inside = new bool[voxels.Length];
        for (var i = 0; i < inside.Length; i++)
        {
            var (d, h, w) = (i / (shape.Height * shape.Width), i / shape.Width % shape.Height, i % shape.Width);
            inside[i] = Kinship(found, grid, (d / step.D, h / step.H, w / step.W), step) switch
            {
                Cell.Inner => true,
                Cell.Border => voxels[i] > threshold,
                _ => false,
            };
        }

        return new HeadRegion(inside, shape);
    }

    private enum Cell
    {
        Outer,
        Border,
        Inner,
    }

    /// <summary>Whether a cell is the head's with all its voxels, or has some of its border, as have the neighbours of the head's cells.</summary>
    private static Cell Kinship(bool[] found, VolumeShape grid, (int D, int H, int W) at, (int D, int H, int W) step)
    {
        var own = found[(at.D * grid.Height + at.H) * grid.Width + at.W];
        if (step is (1, 1, 1))
            return own ? Cell.Inner : Cell.Outer; // a cell is a voxel
        for (var d = Math.Max(0, at.D - 1); d <= Math.Min(grid.Depth - 1, at.D + 1); d++)
        {
            for (var h = Math.Max(0, at.H - 1); h <= Math.Min(grid.Height - 1, at.H + 1); h++)
            {
                for (var w = Math.Max(0, at.W - 1); w <= Math.Min(grid.Width - 1, at.W + 1); w++)
                {
                    if (found[(d * grid.Height + h) * grid.Width + w] != own)
                        return Cell.Border;
                }
            }
        }

        return own ? Cell.Inner : Cell.Outer;
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

    /// <summary>The first and the last voxel of the head along D, H and W.</summary>
    public ((int First, int Last) D, (int First, int Last) H, (int First, int Last) W) Box()
    {
        var (d, h, w) = ((First: int.MaxValue, Last: 0), (First: int.MaxValue, Last: 0), (First: int.MaxValue, Last: 0));
        for (var i = 0; i < _inside.Length; i++)
        {
            if (!_inside[i])
                continue;
            d = Grown(d, i / (_shape.Height * _shape.Width));
            h = Grown(h, i / _shape.Width % _shape.Height);
            w = Grown(w, i % _shape.Width);
        }

        return (d, h, w);

        static (int, int) Grown((int First, int Last) range, int at) => (Math.Min(range.First, at), Math.Max(range.Last, at));
    }

    private static int Step(int voxels) => (voxels + MostCells - 1) / MostCells;

    private static int Cells(int voxels, int step) => (voxels + step - 1) / step;

    private static int Middle(int cell, int step, int voxels) => Math.Min(voxels - 1, cell * step + step / 2);
}
