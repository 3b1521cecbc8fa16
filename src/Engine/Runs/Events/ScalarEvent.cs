using System.Buffers.Binary;
using System.Text;

namespace VoxelZoo.Engine.Runs.Events;

/// <summary>The few messages of TensorBoard's event.proto that a run writes, in the encoding of protocol buffers.</summary>
internal static class ScalarEvent
{
    // numbers of fields in event.proto and summary.proto
    private const int WallTime = 1, Step = 2, FileVersion = 3, Summary = 5, SessionLog = 7, Value = 1, Tag = 1, SimpleValue = 2, Status = 1;

    private const int Varint = 0, Eight = 1, Bytes = 2, Four = 5;

    /// <summary>The first event of a file.</summary>
    public static byte[] Version(double seconds) => [.. Time(seconds), .. Text(FileVersion, "brain.Event:2")];

    /// <summary>A number.</summary>
    /// <param name="seconds">When, in seconds since 1970.</param>
    /// <param name="step">The step that it belongs to.</param>
    /// <param name="tag">Its name.</param>
    /// <param name="value">The number.</param>
    public static byte[] Number(double seconds, long step, string tag, float value)
    {
        var number = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(number, value);
        byte[] summary = [.. Text(Tag, tag), .. Key(SimpleValue, Four), .. number];
        return [.. Time(seconds), .. Key(Step, Varint), .. Number(step), .. Message(Summary, Message(Value, summary))];
    }

    /// <summary>Says that a session starts, before which no step of <paramref name="step"/> or later counts.</summary>
    public static byte[] Start(double seconds, long step)
    {
        const int start = 1;
        return [.. Time(seconds), .. Key(Step, Varint), .. Number(step), .. Message(SessionLog, [.. Key(Status, Varint), start])];
    }

    /// <summary>The step and the tag of an event; the tag is null where it is no number.</summary>
    public static (long Step, string? Tag) Read(ReadOnlySpan<byte> data)
    {
        var (step, tag) = (0L, (string?)null);
        while (!data.IsEmpty)
        {
            var (field, number, content) = Next(ref data);
            if (field == Step)
                step = (long)number;
            else if (field == Summary)
                tag = TagOf(content);
        }

        return (step, tag);
    }

    private static string? TagOf(ReadOnlySpan<byte> summary)
    {
        while (!summary.IsEmpty)
        {
            var (field, _, value) = Next(ref summary);
            while (field == Value && !value.IsEmpty)
            {
                var (inner, _, text) = Next(ref value);
                if (inner == Tag)
                    return Encoding.UTF8.GetString(text);
            }
        }

        return null;
    }

    private readonly ref struct Field(int id, ulong number, ReadOnlySpan<byte> content)
    {
        private readonly ReadOnlySpan<byte> _content = content;

        public void Deconstruct(out int field, out ulong value, out ReadOnlySpan<byte> bytes)
        {
            (field, value) = (id, number);
            bytes = _content;
        }
    }

    private static Field Next(ref ReadOnlySpan<byte> data)
    {
        var key = ReadNumber(ref data);
        var (id, kind) = ((int)(key >> 3), (int)(key & 7));
        if (kind == Varint)
            return new Field(id, ReadNumber(ref data), []);
        var length = kind switch
        {
            Eight => 8,
            Four => 4,
            Bytes => checked((int)ReadNumber(ref data)),
            _ => throw new InvalidDataException("an event is of an unknown encoding"),
        };
        if (length > data.Length)
            throw new InvalidDataException("an event ends too early");
        var content = data[..length];
        data = data[length..];
        return new Field(id, 0, content);
    }

    private static ulong ReadNumber(ref ReadOnlySpan<byte> data)
    {
        var value = 0UL;
        for (var (i, shift) = (0, 0); i < data.Length && shift < 64; i++, shift += 7)
        {
            value |= (ulong)(data[i] & 0x7f) << shift;
            if (data[i] < 0x80)
            {
                data = data[(i + 1)..];
                return value;
            }
        }

        throw new InvalidDataException("an event ends too early");
    }

    private static byte[] Time(double seconds)
    {
        var number = new byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(number, seconds);
        return [.. Key(WallTime, Eight), .. number];
    }

    private static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Message(int field, byte[] content) => [.. Key(field, Bytes), .. Number(content.Length), .. content];

    private static byte[] Key(int field, int kind) => Number((field << 3) | kind);

    private static byte[] Number(long value)
    {
        var (bytes, rest) = (new List<byte>(), (ulong)value);
        for (; rest >= 0x80; rest >>= 7)
            bytes.Add((byte)(rest | 0x80));
        bytes.Add((byte)rest);
        return [.. bytes];
    }
}
