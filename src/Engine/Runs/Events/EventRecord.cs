using System.Buffers.Binary;
using System.Numerics;

namespace VoxelZoo.Engine.Runs.Events;

/// <summary>
/// The records of TensorBoard's event files: length, its checksum, data, its checksum. A checksum is a CRC-32C, rotated by 15 bits with a
/// constant added (tensorflow/core/lib/io/record_writer.h).
/// </summary>
internal static class EventRecord
{
    private const int Header = 12, Footer = 4;

    // an event with a number has some tens of bytes; a longer one than this is damage
    private const long Longest = 1 << 28;

    /// <summary>The record that holds an event.</summary>
    public static byte[] Of(ReadOnlySpan<byte> data)
    {
        var record = new byte[Header + data.Length + Footer];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Checksum(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(Header));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(Header + data.Length), Checksum(data));
        return record;
    }

    /// <summary>The events of a file up to its end, or to a record that was cut off or damaged.</summary>
    /// <param name="file">The file; stands after the last event that was good.</param>
    public static IEnumerable<byte[]> Read(Stream file)
    {
        var header = new byte[Header];
        while (file.ReadAtLeast(header, Header, throwOnEndOfStream: false) == Header)
        {
            var length = BinaryPrimitives.ReadInt64LittleEndian(header);
            if (length is < 0 or > Longest || BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)) != Checksum(header.AsSpan(0, 8)))
                yield break;
            var data = new byte[length + Footer];
            if (file.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length
                || BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)length)) != Checksum(data.AsSpan(0, (int)length)))
                yield break;
            yield return data[..(int)length];
        }
    }

    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
            crc = BitOperations.Crc32C(crc, value);
        crc = ~crc;
        return BitOperations.RotateRight(crc, 15) + 0xa282ead8;
    }
}
