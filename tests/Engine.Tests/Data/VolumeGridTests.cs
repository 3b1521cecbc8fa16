using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class VolumeGridTests
{
    // oblique, with axes of three lengths
    private static readonly VolumeGrid File = new(
        new VolumeShape(1, 7, 8, 12),
        [[0.4, -0.3, 0.1, 90], [0.2, 0.5, -0.2, -126], [0.05, 0.1, 2.5, -72], [0, 0, 0, 1]]);

    private static double[] Place(VolumeGrid grid, double row, double column, double slice) =>
        [.. grid.Affine.Take(3).Select(r => r[0] * row + r[1] * column + r[2] * slice + r[3])];

    [Theory]
    [InlineData(8, 12, 1)]
    [InlineData(4, 4, 1)]
    [InlineData(2, 6, 3)]
    public void Prepared_voxel_lies_in_the_middle_of_the_voxels_that_it_is_made_of(int height, int width, int step)
    {
        var prepared = File.Prepared(new DataOptions { Height = height, Width = width, SliceStep = step });
        var (rows, columns) = (8 / height, 12 / width);
        for (var d = 0; d < (7 + step - 1) / step; d++)
        {
            for (var h = 0; h < height; h++)
            {
                for (var w = 0; w < width; w++)
                {
                    var sources =
                        from i in Enumerable.Range(h * rows, rows)
                        from j in Enumerable.Range(w * columns, columns)
                        select Place(File, i, j, d * step);
                    var middle = Enumerable.Range(0, 3).Select(axis => sources.Average(place => place[axis]));
                    Assert.Equal(middle, Place(prepared, h, w, d), (a, b) => Math.Abs(a - b) < 1e-9);
                }
            }
        }
    }

    [Fact]
    public void Prepared_grid_covers_the_same_extent_where_sizes_do_not_divide()
    {
        var prepared = File.Prepared(new DataOptions { Height = 3, Width = 5 });
        foreach (var (row, column) in new[] { (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0) })
            Assert.Equal(
                Place(File, 8 * row - 0.5, 12 * column - 0.5, 0),
                Place(prepared, 3 * row - 0.5, 5 * column - 0.5, 0),
                (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void Spacing_is_the_length_of_the_columns()
    {
        var spacing = File.Spacing;
        Assert.Equal(Math.Sqrt(0.16 + 0.04 + 0.0025), spacing.Height, 1e-12);
        Assert.Equal(Math.Sqrt(0.09 + 0.25 + 0.01), spacing.Width, 1e-12);
        Assert.Equal(Math.Sqrt(0.01 + 0.04 + 6.25), spacing.Depth, 1e-12);
    }
}
