using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>Where the voxels of a file lie.</summary>
/// <param name="Shape">Voxels along the three axes, file order.</param>
/// <param name="Affine">Rows of the 4×4 matrix from voxel indices to millimetres.</param>
internal sealed record FileGrid(IReadOnlyList<int> Shape, IReadOnlyList<IReadOnlyList<double>> Affine)
{
    /// <summary>Voxel size in mm, file order.</summary>
    public IReadOnlyList<double> Spacing => NiftiAffine.Sizes(Affine);

    /// <summary>As tensors have it.</summary>
    public VolumeShape Volume => new(1, Shape[2], Shape[0], Shape[1]);

    /// <summary>
    /// A grid whose axes run towards the right, the front and the top of the head, as near as a file's own directions allow (RAS+): its
    /// own voxels, turned and
    /// mirrored; or, with a spacing, others of that size around the same middle.
    /// </summary>
    /// <param name="header">A volume's header.</param>
    /// <param name="spacing">Voxel size in mm towards right, front and top, or null for the file's own.</param>
    public static FileGrid Oriented(NiftiHeader header, IReadOnlyList<double>? spacing = null)
    {
        var (affine, sizes) = (header.Affine, NiftiAffine.Sizes(header.Affine));
        var order = NiftiAffine.Axes(affine);
        var middle = NiftiAffine.At(affine, (header.Shape[0] - 1) / 2.0, (header.Shape[1] - 1) / 2.0, (header.Shape[2] - 1) / 2.0);
        var (shape, turned) = (new int[3], NiftiAffine.Diagonal(1, 1, 1));
        for (var world = 0; world < 3; world++)
        {
            var axis = order[world];
            var size = spacing?[world] ?? sizes[axis];
            shape[world] = Math.Max(1, (int)Math.Ceiling(header.Shape[axis] * sizes[axis] / size - 1e-3));
            for (var row = 0; row < 3; row++)
                turned[row][world] = affine[row][axis] * Math.Sign(affine[world][axis]) * size / sizes[axis];
        }

        for (var row = 0; row < 3; row++)
            turned[row][3] = middle[row] - Enumerable.Range(0, 3).Sum(column => turned[row][column] * (shape[column] - 1) / 2.0);
        return new FileGrid(shape, turned);
    }

    /// <summary>A part of the grid, or what goes beyond it.</summary>
    /// <param name="from">The first voxel, which may be negative.</param>
    /// <param name="shape">Voxels.</param>
    public FileGrid Cut(IReadOnlyList<int> from, IReadOnlyList<int> shape)
    {
        var origin = NiftiAffine.At(Affine, from[0], from[1], from[2]);
        return new FileGrid(shape, [.. Affine.Take(3).Select((row, i) => (double[])[row[0], row[1], row[2], origin[i]]), [0, 0, 0, 1]]);
    }
}
