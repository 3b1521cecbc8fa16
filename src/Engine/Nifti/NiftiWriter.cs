using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Nifti;

/// <summary>The bytes of a single-file NIfTI-1 image, little-endian.</summary>
internal static class NiftiWriter
{
    public static void Write<T>(
        Stream stream,
        bool compress,
        ReadOnlySpan<T> voxels,
        VolumeShape shape,
        Spacing spacing,
        IReadOnlyList<IReadOnlyList<double>>? affine,
        string? comment)
        where T : unmanaged
    {
        var text = comment is null ? [] : Encoding.UTF8.GetBytes(comment);
        var extension = comment is null ? 0 : (8 + text.Length + 15) / 16 * 16;
        var header = Header<T>(shape, spacing, affine ?? NiftiAffine.Diagonal(spacing.Height, spacing.Width, spacing.Depth), extension);
        if (extension > 0)
        {
            header[348] = 1;
            Int32(header, 352, extension);
            Int32(header, 356, 6);
            text.CopyTo(header, 360);
        }

        // .NET writes no time and no name into the gzip header, so equal volumes give equal files
        using var target = compress ? new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true) : stream;
        target.Write(header);
        var slice = shape.Height * shape.Width;
        var turned = new T[slice];
        for (var d = 0; d < shape.Depth; d++)
        {
            NiftiVolume.Turn(voxels.Slice(d * slice, slice), turned, shape.Height, shape.Width);
            target.Write(MemoryMarshal.AsBytes<T>(turned));
        }
    }

    private static byte[] Header<T>(VolumeShape shape, Spacing spacing, IReadOnlyList<IReadOnlyList<double>> affine, int extension)
    {
        var header = new byte[352 + extension];
        var (code, bits) = typeof(T) == typeof(byte) ? (2, 8)
            : typeof(T) == typeof(float) ? (16, 32)
            : throw new NotSupportedException($"{typeof(T)}");
        ReadOnlySpan<int> dims = [3, shape.Height, shape.Width, shape.Depth, 1, 1, 1, 1];
        ReadOnlySpan<double> sizes = [1, spacing.Height, spacing.Width, spacing.Depth, 0, 0, 0, 0];
        Int32(header, 0, 348);
        for (var i = 0; i < 8; i++)
        {
            Int16(header, 40 + 2 * i, dims[i]);
            Single(header, 76 + 4 * i, sizes[i]);
        }

        Int16(header, 70, code);
        Int16(header, 72, bits);
        Single(header, 108, header.Length);
        Single(header, 112, 1);
        header[123] = 2; // millimetres
        Int16(header, 254, 1); // the sform holds scanner coordinates
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 4; column++)
                Single(header, 280 + 4 * (4 * row + column), affine[row][column]);
        }

        "n+1"u8.CopyTo(header.AsSpan(344));
        return header;
    }

    private static void Int16(byte[] header, int at, int value) =>
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(at), checked((short)value));

    private static void Int32(byte[] header, int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(at), value);

    private static void Single(byte[] header, int at, double value) =>
        BinaryPrimitives.WriteSingleLittleEndian(header.AsSpan(at), (float)value);
}
