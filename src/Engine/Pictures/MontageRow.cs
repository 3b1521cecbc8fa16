using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Pictures;

/// <summary>One volume of a montage, copied out of its tensor.</summary>
public sealed class MontageRow
{
    private readonly float[] _volume;
    private readonly bool[]? _mask;

    /// <summary>Copies a volume.</summary>
    /// <param name="volume">Intensities in [0, 1], any shape that ends in D, H, W; the first channel of the first sample is taken.</param>
    /// <param name="mask">Mask of the same grid whose outline is drawn, or null.</param>
    public MontageRow(Tensor volume, Tensor? mask = null)
    {
        (Depth, Height, Width) = ((int)volume.shape[^3], (int)volume.shape[^2], (int)volume.shape[^1]);
        _volume = Copy(volume);
        _mask = mask is null ? null : [.. Copy(mask).Select(value => value > 0.5f)];
        Focus = FindFocus();
    }

    /// <summary>
    /// Whether the largest intensity along each axis is shown in place of a slice: the few voxels of a mask's tumours lie in no common
    /// one. Default false.
    /// </summary>
    public bool IsProjected { get; init; }

    internal int Depth { get; }

    internal int Height { get; }

    internal int Width { get; }

    /// <summary>The slices to show: the axial one that shows most of the mask, and through the middle of the largest tumour in it; or the middle of the volume.</summary>
    internal (int D, int H, int W) Focus { get; }

    internal (float Intensity, bool Marked) Axial(int h, int w) => IsProjected ? Largest(Depth, d => At(d, h, w)) : At(Focus.D, h, w);

    internal (float Intensity, bool Marked) Coronal(int d, int w) => IsProjected ? Largest(Height, h => At(d, h, w)) : At(d, Focus.H, w);

    internal (float Intensity, bool Marked) Sagittal(int d, int h) => IsProjected ? Largest(Width, w => At(d, h, w)) : At(d, h, Focus.W);

    private static (float Intensity, bool Marked) Largest(int length, Func<int, (float Intensity, bool Marked)> at)
    {
        var all = Enumerable.Range(0, length).Select(at).ToArray();
        return (all.Max(voxel => voxel.Intensity), all.Any(voxel => voxel.Marked));
    }

    private (float Intensity, bool Marked) At(int d, int h, int w)
    {
        var i = (d * Height + h) * Width + w;
        return (_volume[i], _mask is not null && _mask[i]);
    }

    private static float[] Copy(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var shape = volume.shape;
        return volume.detach().reshape(-1, shape[^3], shape[^2], shape[^1])[0].to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
    }

    private (int D, int H, int W) FindFocus()
    {
        var middle = (Depth / 2, Height / 2, Width / 2);
        if (_mask is null)
            return middle;
        var (plane, slice) = (Height * Width, 0);
        int Area(int d) => _mask.AsSpan(d * plane, plane).Count(true);
        for (var d = 1; d < Depth; d++)
            slice = Area(d) > Area(slice) ? d : slice;
        if (Area(slice) == 0)
            return middle;
        var (h, w) = Middle(_mask.AsSpan(slice * plane, plane));
        return (slice, h, w);
    }

    /// <summary>The voxel of the largest connected part of a section that is nearest to the part's centre: the mean over several parts may lie in none of them.</summary>
    private (int H, int W) Middle(ReadOnlySpan<bool> section)
    {
        var parts = Components.Of(section, new VolumeShape(1, 1, Height, Width), Neighbourhood.Corners);
        var voxels = parts.Labels.Index().Where(voxel => voxel.Item == parts.Largest).Select(voxel => (H: voxel.Index / Width, W: voxel.Index % Width)).ToArray();
        var (h, w) = (voxels.Average(voxel => voxel.H), voxels.Average(voxel => voxel.W));
        return voxels.MinBy(voxel => (voxel.H - h) * (voxel.H - h) + (voxel.W - w) * (voxel.W - w));
    }
}
