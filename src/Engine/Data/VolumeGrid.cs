using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>Where the voxels of a volume lie: how many there are and which place each has in the scanner.</summary>
/// <param name="Shape">Number of voxels, of one channel.</param>
/// <param name="Affine">Rows of the 4×4 matrix from voxel indices in file order (H, W, D) to millimetres (right, anterior, superior).</param>
public sealed record VolumeGrid(VolumeShape Shape, IReadOnlyList<IReadOnlyList<double>> Affine)
{
    /// <summary>Voxel size in mm: the lengths of the affine's columns.</summary>
    public Spacing Spacing => new(Column(2), Column(0), Column(1));

    /// <summary>The grid of a file's volume.</summary>
    /// <param name="volume">Its shape.</param>
    /// <param name="header">Its header.</param>
    internal static VolumeGrid Of(VolumeShape volume, NiftiHeader header) => new(volume, header.Affine);

    /// <summary>
    /// The grid after the preparation: every n-th slice, each the mean of blocks of pixels. The centre of a prepared voxel is the centre of
    /// the voxels that it is made of, so the first one moves by half of what it grows; slices are kept where they are.
    /// </summary>
    public VolumeGrid Prepared(DataOptions options)
    {
        var (rows, columns, slices) = ((double)Shape.Height / options.Height, (double)Shape.Width / options.Width, options.SliceStep);
        return new VolumeGrid(
            new VolumeShape(1, (Shape.Depth + slices - 1) / slices, options.Height, options.Width),
            [
                .. Affine.Take(3).Select(row => (double[])
                [
                    row[0] * rows, row[1] * columns, row[2] * slices,
                    row[3] + row[0] * (rows - 1) / 2 + row[1] * (columns - 1) / 2,
                ]),
                [0, 0, 0, 1],
            ]);
    }

    /// <summary>The largest distance in mm between the places that two affines have for a voxel of this grid; it is that of a corner.</summary>
    internal double Distance(VolumeGrid other) => Corners().Max(corner => Math.Sqrt(Enumerable.Range(0, 3).Sum(row =>
    {
        var (here, there) = (Affine[row], other.Affine[row]);
        var apart = (here[0] - there[0]) * corner.Row + (here[1] - there[1]) * corner.Column + (here[2] - there[2]) * corner.Slice + here[3] - there[3];
        return apart * apart;
    })));

    private IEnumerable<(int Row, int Column, int Slice)> Corners() =>
        from row in new[] { 0, Shape.Height - 1 }
        from column in new[] { 0, Shape.Width - 1 }
        from slice in new[] { 0, Shape.Depth - 1 }
        select (row, column, slice);

    private double Column(int column) => Math.Sqrt(Enumerable.Range(0, 3).Sum(row => Affine[row][column] * Affine[row][column]));
}
