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
    /// <param name="grid">Where the voxels lie, so that the patient is shown upright; null where the tensor's axes run so.</param>
    public MontageRow(Tensor volume, Tensor? mask = null, VolumeGrid? grid = null)
    {
        Turn = new Upright(grid);
        (_volume, var shape) = Copy(volume);
        (Depth, Height, Width) = ((int)shape[0], (int)shape[1], (int)shape[2]);
        _mask = mask is null ? null : [.. Copy(mask).Voxels.Select(value => value > 0.5f)];
        Focus = FindFocus();
    }

    /// <summary>
    /// Whether the largest intensity along each axis is shown in place of a slice: the few voxels of a mask's tumours lie in no common
    /// one. Default false.
    /// </summary>
    public bool IsProjected { get; init; }

    internal Upright Turn { get; }

    internal int Depth { get; }

    internal int Height { get; }

    internal int Width { get; }

    /// <summary>
    /// The slices to show: the axial one that shows most of the mask, and through the middle of the largest tumour in
    /// it; or the middle of the volume.
    /// </summary>
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

    private (float[] Voxels, long[] Shape) Copy(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var shape = volume.shape;
        var turned = Turn.Turned(volume.detach().reshape(-1, shape[^3], shape[^2], shape[^1])[0]).to(ScalarType.Float32).cpu().contiguous();
        return (turned.data<float>().ToArray(), turned.shape);
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

    /// <summary>
    /// The voxel of the largest connected part of a section that is nearest to the part's centre: the mean over several
    /// parts may lie in none of them.
    /// </summary>
    private (int H, int W) Middle(ReadOnlySpan<bool> section)
    {
        var parts = Components.Of(section, new VolumeShape(1, 1, Height, Width), Neighbourhood.Corners);
        var voxels = parts.Labels.Index().Where(voxel => voxel.Item == parts.Largest)
            .Select(voxel => (H: voxel.Index / Width, W: voxel.Index % Width)).ToArray();
        var (h, w) = (voxels.Average(voxel => voxel.H), voxels.Average(voxel => voxel.W));
        return voxels.MinBy(voxel => (voxel.H - h) * (voxel.H - h) + (voxel.W - w) * (voxel.W - w));
    }
}
