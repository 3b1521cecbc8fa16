using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>Brings a volume onto another grid by the places that both have in millimetres.</summary>
internal static class Resampler
{
    // of a voxel and of a direction: what rounding to float32 leaves, so that a grid that is only turned is copied, not interpolated
    private const double NearPlace = 1e-3, NearDirection = 1e-5;

    /// <summary>Linear between the eight voxels around a place; beyond the source's voxels it is <paramref name="beyond"/>.</summary>
    /// <returns>In the order of tensors, <c>[D, H, W]</c>, W fastest.</returns>
    public static float[] Linear(NiftiVolume source, FileGrid target, float beyond, CancellationToken stop = default) =>
        Onto(source, target, beyond, Between, stop);

    /// <summary>The voxel nearest to a place; beyond the source's voxels it is <paramref name="beyond"/>.</summary>
    /// <returns>In the order of tensors, <c>[D, H, W]</c>, W fastest.</returns>
    public static float[] Nearest(NiftiVolume source, FileGrid target, float beyond, CancellationToken stop = default) =>
        Onto(
            source,
            target,
            beyond,
            (voxels, shape, x, y, z) => voxels[Index(shape, Place(x, shape[0]), Place(y, shape[1]), Place(z, shape[2]))],
            stop);

    private delegate float Reading(ReadOnlySpan<float> voxels, ReadOnlySpan<int> shape, double x, double y, double z);

    private static float[] Onto(NiftiVolume source, FileGrid target, float beyond, Reading read, CancellationToken stop)
    {
        var way = Snapped(NiftiAffine.Product(NiftiAffine.Inverse(source.Header.Affine), target.Affine));
        var voxels = source.Intensities.Span;
        var volume = target.Volume;
        int[] shape = [.. source.Header.Shape.Take(3)];
        var made = new float[volume.Voxels];
        var i = 0;
        for (var d = 0; d < volume.Depth; d++)
        {
            stop.ThrowIfCancellationRequested();
            for (var h = 0; h < volume.Height; h++)
            {
                var (x0, y0, z0) = (Row(way[0]), Row(way[1]), Row(way[2]));
                for (var w = 0; w < volume.Width; w++, i++)
                {
                    var (x, y, z) = (x0 + way[0][1] * w, y0 + way[1][1] * w, z0 + way[2][1] * w);
                    made[i] = Within(x, shape[0]) && Within(y, shape[1]) && Within(z, shape[2]) ? read(voxels, shape, x, y, z) : beyond;
                }

                double Row(double[] row) => row[0] * h + row[2] * d + row[3];
            }
        }

        return made;
    }

    private static double[][] Snapped(double[][] way) =>
        [.. way.Select(row => row.Select((number, column) => Snapped(number, column == 3 ? NearPlace : NearDirection)).ToArray())];

    private static double Snapped(double number, double near) => Math.Abs(number - Math.Round(number)) < near ? Math.Round(number) : number;

    /// <summary>Whether a place is in one of so many voxels, whose middles have whole numbers.</summary>
    private static bool Within(double place, int voxels) => place >= -0.5 && place <= voxels - 0.5;

    private static int Place(double place, int voxels) => Math.Clamp((int)Math.Floor(place + 0.5), 0, voxels - 1);

    private static int Index(ReadOnlySpan<int> shape, int x, int y, int z) => (z * shape[1] + y) * shape[0] + x;

    private static float Between(ReadOnlySpan<float> voxels, ReadOnlySpan<int> shape, double x, double y, double z)
    {
        var ((x0, x1, fx), (y0, y1, fy), (z0, z1, fz)) = (Sides(x, shape[0]), Sides(y, shape[1]), Sides(z, shape[2]));
        if (fx == 0 && fy == 0 && fz == 0)
            return voxels[Index(shape, x0, y0, z0)];
        var below = Plane(voxels, shape, z0);
        return (float)(fz == 0 ? below : below + fz * (Plane(voxels, shape, z1) - below));

        double Plane(ReadOnlySpan<float> all, ReadOnlySpan<int> size, int at)
        {
            double a = all[Index(size, x0, y0, at)], b = all[Index(size, x1, y0, at)];
            double c = all[Index(size, x0, y1, at)], d = all[Index(size, x1, y1, at)];
            var (front, back) = (a + fx * (b - a), c + fx * (d - c));
            return front + fy * (back - front);
        }
    }

    private static (int Low, int High, double Share) Sides(double place, int voxels)
    {
        place = Math.Clamp(place, 0, voxels - 1);
        var low = (int)place;
        return (low, Math.Min(low + 1, voxels - 1), place - low);
    }
}
