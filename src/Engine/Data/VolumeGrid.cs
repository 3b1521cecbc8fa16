using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>Where the voxels of a volume lie: how many there are and which place each has in the scanner.</summary>
/// <param name="Shape">Number of voxels, of one channel.</param>
/// <param name="Affine">
/// Rows of the 4×4 matrix from voxel indices in file order (H, W, D) to millimetres (right, anterior, superior).
/// </param>
public sealed record VolumeGrid(VolumeShape Shape, IReadOnlyList<IReadOnlyList<double>> Affine)
{
    /// <summary>Voxel size in mm: the lengths of the affine's columns.</summary>
    public Spacing Spacing
    {
        get
        {
            var sizes = NiftiAffine.Sizes(Affine);
            return new Spacing(sizes[2], sizes[0], sizes[1]);
        }
    }

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

    /// <summary>The largest distance in mm between the places that two affines have for a voxel of this grid.</summary>
    internal double Distance(VolumeGrid other) => NiftiAffine.Distance(Affine, other.Affine, [Shape.Height, Shape.Width, Shape.Depth]);
}
