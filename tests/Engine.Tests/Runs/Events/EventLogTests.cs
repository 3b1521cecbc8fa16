using System.Buffers.Binary;
using System.Text;
using VoxelZoo.Engine.Runs.Events;

namespace VoxelZoo.Engine.Tests.Runs.Events;

public sealed class EventLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Noon of the 1st of January 2026, UTC; `date -u -d 2026-01-01T12:00 +%s`.</summary>
    private const long Noon = 1_767_268_800;

    private readonly Clock _clock = new(DateTimeOffset.FromUnixTimeSeconds(Noon));

    public void Dispose() => _folder.Dispose();

    private EventLog Continue(long step, long epoch) =>
        EventLog.Continue(_folder.Path, step, tag => tag == "step" ? step : epoch, _clock, Assert.Fail);

    private string[] Files => [.. Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal)];

    private (long Step, string Tag)[] Numbers() =>
        [.. Files.SelectMany(Events).Select(data => ScalarEvent.Read(data)).Where(e => e.Tag is not null).Select(e => (e.Step, e.Tag!))];

    private static byte[][] Events(string path)
    {
        using var file = File.OpenRead(path);
        return [.. EventRecord.Read(file)];
    }

    [Fact]
    public void Record_is_what_tensorflow_writes()
    {
        // length 3, "abc"; the CRC-32C of "abc" is 364b3fb7, of the length's eight bytes computed by a table of the polynomial 82f63b78
        var record = EventRecord.Of("abc"u8);

        Assert.Equal(3, BinaryPrimitives.ReadInt64LittleEndian(record));
        Assert.Equal("abc", Encoding.ASCII.GetString(record.AsSpan(12, 3)));
        Assert.Equal(Masked(Crc(record.AsSpan(0, 8))), BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(8)));
        Assert.Equal(0x364b3fb7u, Crc("abc"u8));
        Assert.Equal(Masked(0x364b3fb7), BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(15)));

        static uint Masked(uint crc) => unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8);

        static uint Crc(ReadOnlySpan<byte> data)
        {
            var crc = uint.MaxValue;
            foreach (var value in data)
            {
                crc ^= value;
                for (var bit = 0; bit < 8; bit++)
                    crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82f63b78;
            }

            return ~crc;
        }
    }

    [Fact]
    public void Number_is_the_message_of_event_proto()
    {
        // 09 wall_time, 10 step, 2a summary { 0a value { 0a tag, 15 simple_value } }
        Assert.Equal("09000000000000F83F10AC022A0A0A080A0161150000803F", Convert.ToHexString(ScalarEvent.Number(1.5, 300, "a", 1)));
        Assert.Equal("09000000000000F83F1007" + "3A020801", Convert.ToHexString(ScalarEvent.Start(1.5, 7)));
    }

    [Fact]
    public void File_and_events_have_seconds_since_1970()
    {
        Continue(0, 0).Dispose();

        Assert.StartsWith($"events.out.tfevents.{Noon}.", Path.GetFileName(Assert.Single(Files)), StringComparison.Ordinal);
        Assert.Equal((double)Noon, BinaryPrimitives.ReadDoubleLittleEndian(Assert.Single(Events(Files[0])).AsSpan(1)));
    }

    [Fact]
    public void Steps_and_epochs_that_were_lost_are_dropped_and_a_session_starts()
    {
        using (var log = Continue(0, 0))
        {
            for (var step = 1; step <= 9; step++)
                log.Add("step", 0.5, step);
            for (var epoch = 1; epoch <= 4; epoch++)
                log.Add("epoch", 0.5, epoch);
        }

        using (var log = Continue(5, 2))
        {
            log.Add("step", 0.5, 6);
            log.Add("epoch", 0.5, 3);
        }

        Assert.Equal(
            [(1, "step"), (2, "step"), (3, "step"), (4, "step"), (5, "step"), (1, "epoch"), (2, "epoch"), (6, "step"), (3, "epoch")],
            Numbers());
        Assert.Equal(2, Files.Length); // within the same second
        Assert.Equal(ScalarEvent.Start(Noon, 6), Events(Files[1])[1]);
    }

    [Fact]
    public void Event_that_was_cut_off_is_dropped()
    {
        using (var log = Continue(0, 0))
            log.Add("step", 0.5, 1);
        File.WriteAllBytes(Files[0], [.. File.ReadAllBytes(Files[0]), 40, 0, 0]);

        Continue(1, 0).Dispose();

        Assert.Equal([(1, "step")], Numbers());
        Assert.Equal(File.ReadAllBytes(Files[0]).Length, Events(Files[0]).Sum(data => data.Length + 16));
    }

    [Fact]
    public void File_that_was_named_by_ticks_comes_before_the_new_one()
    {
        Continue(0, 0).Dispose();
        var ticks = DateTimeOffset.FromUnixTimeSeconds(Noon - 100).UtcTicks;
        File.Move(Files[0], Path.Combine(_folder.Path, $"events.out.tfevents.{ticks}.host.1.1"));

        Continue(0, 0).Dispose();

        Assert.Equal([$"{Noon - 100}", $"{Noon}"], Files.Select(file => Path.GetFileName(file).Split('.')[3]));
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
