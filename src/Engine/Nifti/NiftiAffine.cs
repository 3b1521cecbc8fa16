namespace VoxelZoo.Engine.Nifti;

/// <summary>The 4×4 matrices from voxel indices to millimetres.</summary>
internal static class NiftiAffine
{
    /// <summary>Voxel sizes along the diagonal, origin at the first voxel.</summary>
    public static double[][] Diagonal(double x, double y, double z) => [[x, 0, 0, 0], [0, y, 0, 0], [0, 0, z, 0], [0, 0, 0, 1]];

    /// <summary>
    /// "Method 1" of the standard, where a header has sizes alone, as nibabel completes it: x runs to the left, as in the files that
    /// preceded the standard, and the origin is the middle of the image. A dimension that the image does not have is one voxel of 1 mm.
    /// </summary>
    public static double[][] Centred(ReadOnlySpan<int> shape, ReadOnlySpan<double> sizes)
    {
        var affine = Diagonal(1, 1, 1);
        for (var axis = 0; axis < Math.Min(3, shape.Length); axis++)
        {
            var step = axis == 0 ? -sizes[axis] : sizes[axis];
            (affine[axis][axis], affine[axis][3]) = (step, -step * (shape[axis] - 1) / 2);
        }

        return affine;
    }

    /// <summary>
    /// "Method 2" of the standard: rotation by the unit quaternion (a, b, c, d) with a = √(1 − b² − c² − d²), the third axis
    /// mirrored where <paramref name="qfac"/> is −1, then the offset.
    /// </summary>
    public static double[][] FromQuaternion(
        double b, double c, double d, ReadOnlySpan<double> offset, double x, double y, double z, double qfac)
    {
        var a = 1 - (b * b + c * c + d * d);
        if (a < 1e-7)
        {
            // a half turn, where rounding may leave the squares above 1
            var norm = 1 / Math.Sqrt(b * b + c * c + d * d);
            (a, b, c, d) = (0, b * norm, c * norm, d * norm);
        }
        else
        {
            a = Math.Sqrt(a);
        }

        z *= qfac;
        return
        [
            [(a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, offset[0]],
            [2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, offset[1]],
            [2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - b * b - c * c) * z, offset[2]],
            [0, 0, 0, 1],
        ];
    }

    /// <summary>Voxel size along the three axes: the lengths of the affine's columns.</summary>
    public static double[] Sizes(IReadOnlyList<IReadOnlyList<double>> affine) =>
        [
            .. Enumerable.Range(0, 3)
                .Select(column => Math.Sqrt(Enumerable.Range(0, 3).Sum(row => affine[row][column] * affine[row][column]))),
        ];

    /// <summary>The volume of a voxel, negative where the axes are mirrored.</summary>
    public static double Determinant(IReadOnlyList<IReadOnlyList<double>> a) =>
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
        + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);

    /// <summary>The axis of a file that runs along each direction of space, right, front and top, as near as it does.</summary>
    public static int[] Axes(IReadOnlyList<IReadOnlyList<double>> affine)
    {
        var sizes = Sizes(affine);
        return Orders.MaxBy(axes => Enumerable.Range(0, 3).Sum(world => Math.Abs(affine[world][axes[world]]) / sizes[axes[world]]))!;
    }

    /// <summary>Where the axes run, such as <c>LPS</c>: to the left, to the back, to the top.</summary>
    public static string Letters(IReadOnlyList<IReadOnlyList<double>> affine)
    {
        var axes = Axes(affine);
        return string.Concat(Enumerable.Range(0, 3)
            .Select(axis => Array.IndexOf(axes, axis) is var world && affine[world][axis] > 0 ? "RAS"[world] : "LPI"[world]));
    }

    private static readonly int[][] Orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

    /// <summary>The matrix that undoes an affine whose determinant is not 0.</summary>
    public static double[][] Inverse(IReadOnlyList<IReadOnlyList<double>> a)
    {
        var determinant = Determinant(a);
        var inverse = Diagonal(1, 1, 1);
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                var (r1, r2, c1, c2) = ((column + 1) % 3, (column + 2) % 3, (row + 1) % 3, (row + 2) % 3);
                inverse[row][column] = (a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1]) / determinant;
            }
        }

        for (var row = 0; row < 3; row++)
            inverse[row][3] = -Enumerable.Range(0, 3).Sum(column => inverse[row][column] * a[column][3]);
        return inverse;
    }

    /// <summary>First <paramref name="b"/>, then <paramref name="a"/>.</summary>
    public static double[][] Product(IReadOnlyList<IReadOnlyList<double>> a, IReadOnlyList<IReadOnlyList<double>> b) =>
        [
            .. Enumerable.Range(0, 4).Select(
                row => (double[])[.. Enumerable.Range(0, 4).Select(column => Enumerable.Range(0, 4).Sum(k => a[row][k] * b[k][column]))]),
        ];

    /// <summary>The place of a voxel.</summary>
    public static double[] At(IReadOnlyList<IReadOnlyList<double>> affine, double x, double y, double z) =>
        [.. Enumerable.Range(0, 3).Select(row => affine[row][0] * x + affine[row][1] * y + affine[row][2] * z + affine[row][3])];

    /// <summary>
    /// The largest distance between the places that two affines have for a voxel of an image of that shape; it is that of a corner.
    /// </summary>
    public static double Distance(
        IReadOnlyList<IReadOnlyList<double>> one, IReadOnlyList<IReadOnlyList<double>> other, IReadOnlyList<int> shape)
    {
        var last = Enumerable.Range(0, 3).Select(axis => axis < shape.Count ? shape[axis] - 1 : 0).ToArray();
        return Enumerable.Range(0, 8).Max(corner => Math.Sqrt(Enumerable.Range(0, 3).Sum(row =>
        {
            var apart = one[row][3] - other[row][3];
            for (var axis = 0; axis < 3; axis++)
                apart += (one[row][axis] - other[row][axis]) * ((corner >> axis & 1) * last[axis]);
            return apart * apart;
        })));
    }
}
