using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>From a file to the numbers that a network sees: scaling, in-plane area resize, mask threshold, depth padding.</summary>
internal static class VolumePreparation
{
    /// <summary>Reads and prepares one image; the result is <c>[D, H, W]</c>, W fastest.</summary>
    /// <exception cref="InvalidDataException">The file cannot be read or does not fit the options; the message names it.</exception>
    /// <param name="file">The file.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="options">Sizes and rules.</param>
    /// <param name="span">
    /// For <see cref="Normalization.Cohort"/>: the intensities that become 0 and 1, or null for the file's smallest and largest.
    /// </param>
    public static PreparedVolume Prepare(string file, string kind, DataOptions options, IntensitySpan? span = null)
    {
        var volume = NiftiFile.Read(file);
        var (_, depth, height, width) = volume.Shape;
        if (volume.NonFinite > 0)
            throw new InvalidDataException($"{file}: {volume.NonFinite} voxels are not finite; replace them, for instance by 0.");
        if (Misfit(volume.Shape, options) is { } misfit)
            throw new InvalidDataException($"{file}: {misfit}");
        if (NothingLeft(volume, kind, options) is { } nothing)
            throw new InvalidDataException($"{file}: {nothing}");
        var slices = Slices(depth, options);
        var from = volume.Turned();
        var (low, high) = ImageKinds.IsMask(kind) ? (0, 1)
            : options.Normalization == Normalization.Cohort && span is not null ? (span.Low, span.High)
            : options.Normalization == Normalization.Fixed ? (0, options.ClipMax[kind])
            : options.ClipQuantiles is [var first, var last] ? Quantiles(from, first, last)
            : (volume.Min!.Value, volume.Max!.Value);
        var to = new float[options.Depth * options.Height * options.Width];
        var slice = options.Height * options.Width;
        for (var d = 0; d < slices; d++)
        {
            var source = from.AsSpan(d * options.SliceStep * height * width, height * width);
            var target = to.AsSpan(d * slice, slice);
            if (ImageKinds.IsMask(kind))
            {
                Binarise(source, share => share > 0.5f);
                Shrink(source, height, width, target, options.Height, options.Width);
                Binarise(target, options.SegRule switch
                {
                    SegRule.AtLeastHalf => share => share >= 0.5f,
                    SegRule.Any => share => share > 0,
                    _ => share => share > 0.5f,
                });
            }
            else
            {
                Scale(source, low, high);
                Shrink(source, height, width, target, options.Height, options.Width);
            }
        }

        if (options.PadMode == PadMode.Replicate)
        {
            for (var d = slices; d < options.Depth; d++)
                to.AsSpan((slices - 1) * slice, slice).CopyTo(to.AsSpan(d * slice));
        }

        return new PreparedVolume(to, slices);
    }

    /// <summary>Why a volume of that shape does not fit the options, or null.</summary>
    public static string? Misfit(VolumeShape shape, DataOptions options)
    {
        var (_, depth, height, width) = shape;
        if (height < options.Height || width < options.Width)
        {
            return $"slices of {height}×{width} are smaller than the {options.Height}×{options.Width} of the experiment, "
                + "and slices are only shrunk; "
                + $"set data.height to at most {height} and data.width to at most {width}.";
        }

        var slices = Slices(depth, options);
        return slices <= options.OriginalDepth
            ? null
            : $"{slices} slices are more than the {options.OriginalDepth} of data.original_depth; "
                + "raise it (and data.depth), or raise data.slice_step.";
    }

    /// <summary>Why clipping at quantiles leaves one value of a volume that has several, or null where it does not.</summary>
    public static string? NothingLeft(NiftiVolume volume, string kind, DataOptions options)
    {
        if (ImageKinds.IsMask(kind)
            || options.ClipQuantiles is not [var first, var last]
            || volume is not { NonFinite: 0, IsConstant: false })
            return null;
        var (low, high) = Quantiles(volume.Intensities.ToArray(), first, last);
        return low < high
            ? null
            : FormattableString.Invariant(
                $"nothing is left between the quantiles {first} and {last} of data.clip_quantiles, which are both {low:G6}: ")
                + "most of a volume is background; use shares further apart, such as [0.001, 0.999], or leave data.clip_quantiles out.";
    }

    private static int Slices(int depth, DataOptions options) => (depth + options.SliceStep - 1) / options.SliceStep;

    /// <summary>The intensities at two shares of the voxels, between two of them in proportion.</summary>
    private static (double Low, double High) Quantiles(float[] intensities, double low, double high)
    {
        var sorted = (float[])intensities.Clone();
        Array.Sort(sorted);
        return (Quantile.Of(sorted, low), Quantile.Of(sorted, high));
    }

    private static void Scale(Span<float> intensities, double low, double high)
    {
        var range = high - low;
        for (var i = 0; i < intensities.Length; i++)
            intensities[i] = range > 0 ? (float)Math.Clamp((intensities[i] - low) / range, 0, 1) : 0;
    }

    private static void Binarise(Span<float> shares, Predicate<float> isTumour)
    {
        for (var i = 0; i < shares.Length; i++)
            shares[i] = isTumour(shares[i]) ? 1 : 0;
    }

    /// <summary>
    /// Adaptive average pooling: target row i is the mean of the source rows ⌊i·in/out⌋ … ⌈(i+1)·in/out⌉ − 1, columns alike.
    /// </summary>
    private static void Shrink(ReadOnlySpan<float> from, int rows, int columns, Span<float> to, int outRows, int outColumns)
    {
        for (var i = 0; i < outRows; i++)
        {
            var (top, bottom) = Window(i, rows, outRows);
            for (var j = 0; j < outColumns; j++)
            {
                var (left, right) = Window(j, columns, outColumns);
                var sum = 0.0;
                for (var row = top; row < bottom; row++)
                {
                    foreach (var value in from[(row * columns + left)..(row * columns + right)])
                        sum += value;
                }

                to[i * outColumns + j] = (float)(sum / ((bottom - top) * (right - left)));
            }
        }
    }

    private static (int From, int To) Window(int i, int size, int outSize) =>
        ((int)((long)i * size / outSize), (int)((((long)i + 1) * size + outSize - 1) / outSize));
}

/// <summary>A prepared volume.</summary>
/// <param name="Voxels"><c>[D, H, W]</c>, W fastest.</param>
/// <param name="RealSlices">The first slices, which come from the file; the rest is padding.</param>
internal sealed record PreparedVolume(float[] Voxels, int RealSlices);
