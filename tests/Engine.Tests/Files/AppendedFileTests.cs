using System.Text;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Tests.Files;

public sealed class AppendedFileTests
{
    private readonly List<string> _warnings = [];

    [Fact]
    public void What_a_full_disk_did_not_take_is_written_once_there_is_room()
    {
        var disk = new Disk();
        using (var file = new AppendedFile(disk, "metrics", _warnings.Add))
        {
            file.Append("one\n"u8);
            disk.Room = 6;
            file.Append("two\n"u8);
            file.Append("three\n"u8);
            disk.Room = 100;
            file.Append("four\n"u8);
        }

        Assert.Equal("one\ntwo\nthree\nfour\n", disk.Text);
        Assert.Contains("metrics cannot be written (full)", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_lost_in_the_end_is_said()
    {
        var disk = new Disk { Room = 0 };
        using (var file = new AppendedFile(disk, "metrics", _warnings.Add))
            file.Append("one\n"u8);

        Assert.Equal(2, _warnings.Count);
        Assert.Contains("metrics lacks its last 4 bytes", _warnings[1], StringComparison.Ordinal);
    }

    /// <summary>Takes what there is room for and then says that it is full.</summary>
    private sealed class Disk : MemoryStream
    {
        public int Room { get; set; } = 100;

        public string Text { get; private set; } = "";

        public override void Write(byte[] buffer, int offset, int count)
        {
            var fits = Math.Min(count, Room - (int)Position);
            base.Write(buffer, offset, fits);
            if (fits < count)
                throw new IOException("full");
        }

        protected override void Dispose(bool disposing)
        {
            Text = Encoding.ASCII.GetString(ToArray());
            base.Dispose(disposing);
        }
    }
}
