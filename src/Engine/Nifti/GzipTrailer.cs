using System.Buffers.Binary;
using System.IO.Compression;

namespace VoxelZoo.Engine.Nifti;

/// <summary>
/// The last eight bytes of a gzip file, checksum and length of its last member. What decompresses compares them where they are, and says
/// nothing where they are not.
/// </summary>
internal static class GzipTrailer
{
    /// <summary>Whether a file that was decompressed to its end has its trailer.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">Decompressed bytes of all its members.</param>
    public static bool Ends(string path, long length)
    {
        Span<byte> trailer = stackalloc byte[8];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (file.Length < 18)
            return false; // ten bytes of header and the trailer
        file.Position = file.Length - trailer.Length;
        file.ReadExactly(trailer);
        var last = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        if (last == (uint)length)
            return true; // one member, or by a chance of one in four billion not
        // of several members the length is that of the last one, so that its checksum has to tell
        return last < length && ChecksumFrom(file, length - last) == BinaryPrimitives.ReadUInt32LittleEndian(trailer);
    }

    /// <summary>CRC-32 of the decompressed bytes from a place on.</summary>
    private static uint ChecksumFrom(FileStream file, long from)
    {
        file.Position = 0;
        using var bytes = new GZipStream(file, CompressionMode.Decompress);
        var (buffer, checksum, at) = (new byte[1 << 16], uint.MaxValue, 0L);
        int count;
        while ((count = bytes.Read(buffer)) > 0)
        {
            foreach (var value in buffer.AsSpan((int)Math.Clamp(from - at, 0, count), count - (int)Math.Clamp(from - at, 0, count)))
                checksum = Table[(byte)checksum ^ value] ^ (checksum >> 8);
            at += count;
        }

        return ~checksum;
    }

    private static uint[] Table { get; } =
    [
        .. Enumerable.Range(0, 256)
            .Select(i => Enumerable.Range(0, 8).Aggregate((uint)i, (c, _) => (c & 1) == 0 ? c >> 1 : 0xEDB88320 ^ (c >> 1))),
    ];
}
