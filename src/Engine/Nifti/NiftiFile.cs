using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Nifti;

/// <summary>
/// Reads and writes NIfTI files (<c>.nii</c>, <c>.nii.gz</c>). On disk a volume is <c>[H, W, D]</c>, as a tensor it is
/// <c>[1, D, H, W]</c>; the turn is made here and nowhere else.
/// </summary>
public static class NiftiFile
{
    private const int AllowedTail = 1 << 16;

    /// <summary>Reads the header of a NIfTI-1 or NIfTI-2 file of either byte order, compressed or not.</summary>
    /// <exception cref="InvalidDataException">
    /// The header is wrong or promises more than the file can hold; the message names the file.
    /// </exception>
    public static NiftiHeader ReadHeader(string path)
    {
        using var source = new NiftiSource(path);
        return NiftiHeaderReader.Read(source).Header;
    }

    /// <summary>
    /// Reads a NIfTI-1 or NIfTI-2 file of any real number type, either byte order, compressed or not (the content decides). The
    /// memory taken is that of the intensities, which is bounded by what the file can hold before anything is allocated.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, truncated or of another kind; the message names it and says what to do.
    /// </exception>
    public static NiftiVolume Read(string path)
    {
        using var source = new NiftiSource(path);
        var (header, type, bigEndian) = NiftiHeaderReader.Read(source);
        var intensities = new float[header.Voxels];
        var (range, tail) = ReadVoxels(source, header, type, bigEndian, intensities);
        return new NiftiVolume(path, Followed(header, tail), intensities, range);
    }

    /// <summary>Reads a whole file for the range of its intensities alone; the memory taken does not depend on the file.</summary>
    /// <exception cref="InvalidDataException">As <see cref="Read"/>.</exception>
    internal static (NiftiHeader Header, IntensityRange Range) Survey(string path)
    {
        using var source = new NiftiSource(path);
        var (header, type, bigEndian) = NiftiHeaderReader.Read(source);
        var (range, tail) = ReadVoxels(source, header, type, bigEndian, null);
        return (Followed(header, tail), range);
    }

    /// <summary>The header, which says of bytes behind the voxels that they are there.</summary>
    private static NiftiHeader Followed(NiftiHeader header, long tail) => tail == 0
        ? header
        : header with
        {
            Complaints =
            [
                .. header.Complaints,
                $"its voxels are followed by {(tail == 1 ? "a byte" : $"{tail} bytes")} that the header does not tell of; "
                + "what follows is not read",
            ],
        };

    /// <summary>
    /// Reads the voxels, into <paramref name="intensities"/> where they are wanted, and counts the bytes that follow them.
    /// </summary>
    private static (IntensityRange Range, long Tail) ReadVoxels(
        NiftiSource source, NiftiHeader header, NiftiDataType type, bool bigEndian, float[]? intensities)
    {
        var range = default(IntensityRange);
        var bytes = new byte[8192 * type.Bytes];
        var numbers = new double[8192];
        for (var at = 0L; at < header.Voxels;)
        {
            var count = (int)Math.Min(numbers.Length, header.Voxels - at);
            var chunk = bytes.AsSpan(0, count * type.Bytes);
            source.ReadExactly(chunk, $"the rest of {header.Voxels} voxels");
            if (bigEndian)
                Swap(chunk, type.Bytes);
            type.Decode(chunk, numbers);
            for (var i = 0; i < count; i++)
            {
                var intensity = numbers[i] * header.Slope + header.Intercept;
                range.Add(intensity);
                if (intensities is not null)
                    intensities[at + i] = (float)intensity;
            }

            at += count;
        }

        return (range, source.RequireEnd(AllowedTail));
    }

    /// <summary>
    /// Writes a tensor <c>[1, D, H, W]</c> or <c>[D, H, W]</c> as <c>[H, W, D]</c>: uint8 where the tensor is uint8 or bool, else float32.
    /// The file appears whole or not at all, compressed where its name ends in <c>.gz</c>, and the same volume gives the same bytes.
    /// </summary>
    /// <param name="path">Where to write; the folder has to exist, a file of that name is replaced.</param>
    /// <param name="volume">The volume, on any device.</param>
    /// <param name="spacing">Voxel size in millimetres.</param>
    /// <param name="affine">Rows of the 4×4 matrix in file order; by default diag(H, W, D spacing, 1).</param>
    /// <param name="comment">Text for a comment extension (code 6), such as where the volume comes from.</param>
    public static void Write(
        string path, torch.Tensor volume, Spacing spacing, IReadOnlyList<IReadOnlyList<double>>? affine = null, string? comment = null)
    {
        using var scope = torch.NewDisposeScope();
        var batchless = volume.shape.Length == 3 ? volume.unsqueeze(0) : volume;
        var shape = VolumeShape.Of(batchless);
        if (batchless.shape.Length != 4 || shape.Channels != 1)
            throw new ArgumentException(
                $"one volume [1, D, H, W] is written to a file, not [{string.Join(", ", volume.shape)}]", nameof(volume));
        if (volume.dtype is torch.ScalarType.Byte or torch.ScalarType.Bool)
            Write<byte>(path, batchless.to(torch.uint8).cpu().contiguous().data<byte>().ToArray(), shape, spacing, affine, comment);
        else
            Write<float>(path, batchless.to(torch.float32).cpu().contiguous().data<float>().ToArray(), shape, spacing, affine, comment);
    }

    /// <summary>Writes voxels in the order of tensors (W fastest); <typeparamref name="T"/> is float or byte.</summary>
    internal static void Write<T>(
        string path, ReadOnlySpan<T> voxels, VolumeShape shape, Spacing spacing,
        IReadOnlyList<IReadOnlyList<double>>? affine, string? comment)
        where T : unmanaged
    {
        var temporary = $"{path}.{Guid.NewGuid():n}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
                NiftiWriter.Write(file, path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase), voxels, shape, spacing, affine, comment);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            File.Delete(temporary);
            if (e is IOException or UnauthorizedAccessException)
                throw new UnwrittenException(path, e);
            throw;
        }
    }

    private static void Swap(Span<byte> bytes, int size)
    {
        if (size == 1)
            return;
        for (var at = 0; at < bytes.Length; at += size)
            bytes.Slice(at, size).Reverse();
    }
}
