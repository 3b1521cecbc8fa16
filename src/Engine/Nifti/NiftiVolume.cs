using TorchSharp;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Nifti;

/// <summary>A volume that was read: its header and its intensities.</summary>
public sealed class NiftiVolume
{
    private readonly string _path;

    internal NiftiVolume(string path, NiftiHeader header, float[] intensities, IntensityRange range)
    {
        _path = path;
        Header = header;
        Intensities = intensities;
        Min = range.Min;
        Max = range.Max;
        Mean = range.Mean;
        NonFinite = range.NonFinite;
    }

    /// <summary>Shape, spacing, stored type and affine.</summary>
    public NiftiHeader Header { get; }

    /// <summary>
    /// Slope · stored + intercept as float32, in file order: the first dimension of <see cref="NiftiHeader.Shape"/> runs fastest.
    /// </summary>
    public ReadOnlyMemory<float> Intensities { get; }

    /// <summary>Smallest intensity that is finite in float32, computed in float64; null where no voxel is finite.</summary>
    public double? Min { get; }

    /// <summary>Largest intensity that is finite in float32, computed in float64; null where no voxel is finite.</summary>
    public double? Max { get; }

    /// <summary>Mean of those intensities, computed in float64; null where no voxel is finite.</summary>
    public double? Mean { get; }

    /// <summary>Number of voxels that are NaN or infinite in float32.</summary>
    public long NonFinite { get; }

    /// <summary>Whether all intensities that are finite are one number in float32, be they different in the file.</summary>
    internal bool IsConstant => Min is { } min && Max is { } max && (float)min == (float)max;

    /// <summary>
    /// The shape <c>[1, D, H, W]</c> of a file that stores <c>[H, W, D]</c>. Further dimensions have to be of size 1.
    /// </summary>
    /// <exception cref="InvalidDataException">The image is not one three-dimensional volume.</exception>
    public VolumeShape Shape
    {
        get
        {
            var shape = Header.Shape;
            if (shape.Count < 3 || shape.Skip(3).Any(size => size != 1))
                throw new InvalidDataException(
                    $"{_path}: an image of {string.Join('×', shape)} is not one volume; three dimensions are needed.");
            return new VolumeShape(1, shape[2], shape[0], shape[1]);
        }
    }

    /// <summary>Voxel size in millimetres, in the canonical order.</summary>
    public Spacing Spacing => new(Header.Spacing[2], Header.Spacing[0], Header.Spacing[1]);

    /// <summary>The intensities as a float32 tensor <c>[1, D, H, W]</c> on the CPU. The caller disposes it.</summary>
    /// <exception cref="InvalidDataException">The image is not one three-dimensional volume.</exception>
    public torch.Tensor ToTensor()
    {
        var shape = Shape;
        return torch.tensor(Turned(), [1, shape.Depth, shape.Height, shape.Width]);
    }

    /// <summary>The intensities in the order of tensors, W fastest.</summary>
    internal float[] Turned()
    {
        var (_, depth, height, width) = Shape;
        var turned = new float[Intensities.Length];
        var slice = height * width;
        for (var d = 0; d < depth; d++)
            Turn(Intensities.Span.Slice(d * slice, slice), turned.AsSpan(d * slice, slice), width, height);
        return turned;
    }

    /// <summary>Transposes one slice of <paramref name="rows"/> × <paramref name="columns"/> elements.</summary>
    internal static void Turn<T>(ReadOnlySpan<T> from, Span<T> to, int rows, int columns)
    {
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                to[column * rows + row] = from[row * columns + column];
        }
    }
}
