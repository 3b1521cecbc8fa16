using System.IO.Compression;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Nifti;

/// <summary>
/// The bytes of a NIfTI file, decompressed as they are read where the content is gzip. Every failure is an
/// <see cref="InvalidDataException"/> of one sentence that begins with the path.
/// </summary>
internal sealed class NiftiSource : IDisposable
{
    // DEFLATE cannot expand a byte to more than this: 258 bytes from 2 bits.
    private const long LargestRatio = 1032;

    private readonly FileStream _file;
    private readonly Stream _bytes;

    public NiftiSource(string path)
    {
        Path = path;
        if (RegularFile.WhyNot(path) is { } why)
            throw Error(why);
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        IsCompressed = _file.ReadByte() == 0x1f && _file.ReadByte() == 0x8b;
        _file.Position = 0;
        _bytes = IsCompressed ? new GZipStream(_file, CompressionMode.Decompress) : _file;
    }

    public string Path { get; }

    public bool IsCompressed { get; }

    /// <summary>Decompressed bytes read so far.</summary>
    public long Position { get; private set; }

    public InvalidDataException Error(string sentence) => new($"{Path}: {sentence}");

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    public int Read(Span<byte> buffer)
    {
        try
        {
            var count = _bytes.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            Position += count;
            return count;
        }
        catch (InvalidDataException)
        {
            throw Error($"the gzip data is damaged after {Position} bytes: its structure or its checksum is wrong; get the file anew.");
        }
    }

    public void ReadExactly(Span<byte> buffer, string what)
    {
        var from = Position;
        var count = Read(buffer);
        if (count < buffer.Length)
        {
            throw Error(
                $"{(IsCompressed ? "the decompressed data" : "the file")} ends after {Position} bytes, but {what} takes bytes {from} to "
                    + $"{from + buffer.Length}; get the file anew.");
        }

    }

    public void SkipTo(long position, string what)
    {
        Span<byte> scratch = stackalloc byte[4096];
        while (Position < position)
            ReadExactly(scratch[..(int)Math.Min(scratch.Length, position - Position)], what);
    }

    /// <summary>Refuses a promise that the file cannot keep, before any memory is taken for it.</summary>
    public void Require(Int128 bytes)
    {
        if (!IsCompressed && bytes > _file.Length)
            throw Error($"the header promises {bytes} bytes in all, the file has {_file.Length}; it is truncated or its header is wrong.");
        if (bytes > (Int128)_file.Length * LargestRatio)
        {
            throw Error($"the header promises {bytes} bytes, more than {_file.Length} compressed bytes can hold; "
                + "it is truncated or its header is wrong.");
        }

    }

    /// <summary>
    /// Reads to the end, which checks the gzip checksum, and refuses a file that goes on for long after its voxels;
    /// gives the bytes by which it does.
    /// </summary>
    public long RequireEnd(int allowed)
    {
        var end = Position;
        var rest = new byte[4096];
        while (Read(rest) > 0)
        {
            if (Position - end > allowed)
                throw Error(
                    $"the voxels end at byte {end}, but the file goes on for more than {allowed} bytes; its header does not describe it.");
        }

        if (IsCompressed && !GzipTrailer.Ends(Path, Position))
            throw Error(
                $"the gzip data ends after {Position} bytes without the checksum that belongs to them, "
                + "so it is truncated; get the file anew.");
        return Position - end;
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _file.Dispose();
    }
}
