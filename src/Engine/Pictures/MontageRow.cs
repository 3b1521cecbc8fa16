using static TorchSharp.torch;

namespace VoxelZoo.Engine.Pictures;

/// <summary>One volume of a montage, copied out of its tensor.</summary>
public sealed class MontageRow
{
    private readonly float[] _volume;
    private readonly float[]? _mask;

    /// <summary>Copies a volume.</summary>
    /// <param name="volume">Intensities in [0, 1], any shape that ends in D, H, W; the first channel of the first sample is taken.</param>
    /// <param name="mask">Mask of the same grid whose outline is drawn, or null.</param>
    public MontageRow(Tensor volume, Tensor? mask = null)
    {
        (Depth, Height, Width) = ((int)volume.shape[^3], (int)volume.shape[^2], (int)volume.shape[^1]);
        _volume = Copy(volume);
        _mask = mask is null ? null : Copy(mask);
        Focus = FindFocus();
    }

    internal int Depth { get; }

    internal int Height { get; }

    internal int Width { get; }

    /// <summary>The slices to show: through the middle of the mask's largest axial section, or of the volume.</summary>
    internal (int D, int H, int W) Focus { get; }

    internal (float Intensity, bool Marked) At(int d, int h, int w)
    {
        var i = (d * Height + h) * Width + w;
        return (_volume[i], _mask is not null && _mask[i] > 0.5f);
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
        var sections = Enumerable.Range(0, Depth)
            .Select(d => (Slice: d, Area: _mask.AsSpan(d * Height * Width, Height * Width).Count(1f)))
            .ToArray();
        var largest = sections.MaxBy(s => s.Area);
        if (largest.Area == 0)
            return middle;

        double rows = 0, columns = 0;
        for (var h = 0; h < Height; h++)
        {
            for (var w = 0; w < Width; w++)
            {
                if (!At(largest.Slice, h, w).Marked)
                    continue;
                rows += h;
                columns += w;
            }
        }

        return (largest.Slice, (int)(rows / largest.Area), (int)(columns / largest.Area));
    }
}
