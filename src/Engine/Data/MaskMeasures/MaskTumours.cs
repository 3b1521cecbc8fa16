using static TorchSharp.torch;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.MaskMeasures;

/// <summary>What is measured of a mask: its tumours, and how many there are in each bin of size.</summary>
/// <param name="Tumours">The tumours of three voxels or more.</param>
/// <param name="Bins">Numbers of all tumours by size (<see cref="TumourSizes.Edges"/>), smaller ones too, as training counts them.</param>
internal sealed record MaskTumours(IReadOnlyList<MaskTumour> Tumours, IReadOnlyList<int> Bins)
{
    private const int SmallestTumour = 3; // voxels

    /// <summary>Measures a mask.</summary>
    /// <param name="mask">The voxels of one volume <c>[…, D, H, W]</c> on the CPU, without padding; above one half is tumour.</param>
    /// <param name="spacing">Voxel size in mm.</param>
    public static MaskTumours Of(Tensor mask, Spacing spacing)
    {
        using var scope = NewDisposeScope();
        var shape = new VolumeShape(1, (int)mask.shape[^3], (int)mask.shape[^2], (int)mask.shape[^1]);
        var found = TumourSizes.Find(mask.to(ScalarType.Float32).contiguous().data<float>().ToArray(), shape, spacing);
        var (depth, height, width) = (new double[found.Voxels.Count], new double[found.Voxels.Count], new double[found.Voxels.Count]);
        for (var i = 0; i < found.Labels.Count; i++)
        {
            if (found.Labels[i] - 1 is not (>= 0 and var tumour))
                continue;
            var (d, h, w) = shape.PlaceOf(i);
            depth[tumour] += d;
            height[tumour] += h;
            width[tumour] += w;
        }

        var voxel = spacing.Depth * spacing.Height * spacing.Width;
        var tumours = found.Voxels.Index().Where(each => each.Item >= SmallestTumour).Select(each => new MaskTumour(
            each.Item * voxel,
            found.Diameters[each.Index],
            Centre(depth[each.Index] / each.Item, shape.Depth),
            Centre(height[each.Index] / each.Item, shape.Height),
            Centre(width[each.Index] / each.Item, shape.Width)));
        return new MaskTumours([.. tumours], TumourSizes.Count(found.Diameters));
    }

    private static double Centre(double place, int size) => (place + 0.5) / size;
}

/// <summary>A tumour of a mask.</summary>
/// <param name="Volume">In mm³.</param>
/// <param name="Diameter">3-D Feret diameter in mm.</param>
/// <param name="Depth">Place of its centre along D, from 0 to 1.</param>
/// <param name="Height">Along H.</param>
/// <param name="Width">Along W.</param>
internal sealed record MaskTumour(double Volume, double Diameter, double Depth, double Height, double Width);
