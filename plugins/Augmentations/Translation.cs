using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>A shift in the H–W plane by whole voxels; what comes in from outside is 0.</summary>
/// <param name="Rows">Towards higher H.</param>
/// <param name="Columns">Towards higher W.</param>
/// <param name="Grid">The grid, to which ω relates the shift.</param>
internal sealed record Translation(int Rows, int Columns, VolumeShape Grid) : Transform
{
    private const double MostRows = 0.2;
    private const double MostColumns = 0.4;

    /// <summary>
    /// A shift by at most 20 % of H and 40 % of W, the room that a head leaves; every shift but none is as likely as the others.
    /// </summary>
    public static Translation Draw(VolumeShape grid, Generator random)
    {
        var (rows, columns) = Most(grid);
        var width = 2 * columns + 1;
        var count = (2 * rows + 1) * width;
        // counted from the centre, which is no shift and left out
        var place = (rows * width + columns + random.Whole(1, count - 1)) % count;
        return new Translation(place / width - rows, place % width - columns, grid);
    }

    /// <summary>Refuses a grid on which no shift is small enough.</summary>
    public static void Require(VolumeShape grid)
    {
        if (Most(grid) is (0, 0))
            throw new PlanException(
                "translation shifts by up to 20 % of the rows and 40 % of the columns, "
                + $"which is less than one of a latent of {grid.Height}×{grid.Width}; set translation: false",
                "translation");
    }

    public override Tensor Apply(Tensor x)
    {
        using var scope = NewDisposeScope();
        return Shift(Shift(x, Height, Rows), Width, Columns).MoveToOuterDisposeScope();
    }

    public override void Describe(Span<float> omega)
    {
        omega[Omega.TranslationActive] = 1;
        omega[Omega.Shift + 1] = (float)Rows / Grid.Height;
        omega[Omega.Shift + 2] = (float)Columns / Grid.Width;
    }

    private static (int Rows, int Columns) Most(VolumeShape grid) => ((int)(MostRows * grid.Height), (int)(MostColumns * grid.Width));

    private static Tensor Shift(Tensor x, int axis, int by)
    {
        var shape = x.shape;
        shape[axis] = Math.Abs(by);
        var outside = zeros(shape, x.dtype, x.device);
        var kept = x.narrow(axis, Math.Max(-by, 0), x.shape[axis] - Math.Abs(by));
        return by > 0 ? cat([outside, kept], axis) : cat([kept, outside], axis);
    }
}
