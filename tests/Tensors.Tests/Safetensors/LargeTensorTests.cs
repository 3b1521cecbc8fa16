using System.Buffers.Binary;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Safetensors;

/// <summary>A tensor of more bytes than an int counts, in a file of which almost nothing is on the disk.</summary>
public sealed class LargeTensorTests : IDisposable
{
    private const long Bytes = (1L << 31) + 5;

    private readonly string _path = Path.GetTempFileName();
    private readonly string _copy = Path.GetTempFileName();

    public void Dispose()
    {
        File.Delete(_path);
        File.Delete(_copy);
    }

    [Fact]
    public void Tensor_beyond_two_gibibytes_is_read_and_written()
    {
        (long At, byte Value)[] marks = [(0, 1), ((1L << 31) - 1, 2), (1L << 31, 3), (Bytes - 1, 4)];
        var header = $$$"""{"large":{"dtype":"U8","shape":[{{{Bytes}}}],"data_offsets":[0,{{{Bytes}}}]}}""";
        using (var file = File.OpenWrite(_path))
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            file.Write(length);
            file.Write(Encoding.ASCII.GetBytes(header));
            file.SetLength(8 + header.Length + Bytes);
            foreach (var (at, value) in marks)
            {
                file.Position = 8 + header.Length + at;
                file.WriteByte(value);
            }
        }

        using var read = SafetensorsFile.Read(_path);

        Assert.Equal([Bytes], read["large"].shape);
        Assert.All(marks, mark => Assert.Equal(mark.Value, read["large"][mark.At].item<byte>()));
        using var counted = read["large"].count_nonzero();
        Assert.Equal(marks.Length, counted.item<long>());

        using (var copy = new Sparse(File.OpenWrite(_copy)))
            SafetensorsFile.Write(copy, read);
        using var written = File.OpenRead(_copy);
        Assert.Equal(marks.Select(mark => mark.Value), marks.Select(mark =>
        {
            written.Position = written.Length - Bytes + mark.At; // the data are at the end
            return (byte)written.ReadByte();
        }));
    }

    /// <summary>A file in which zeros are holes.</summary>
    private sealed class Sparse(FileStream file) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => file.Length;

        public override long Position
        {
            get => file.Position;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.ContainsAnyExcept((byte)0))
                file.Write(buffer);
            else
                file.Position += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            file.Dispose();
            base.Dispose(disposing);
        }
    }
}
