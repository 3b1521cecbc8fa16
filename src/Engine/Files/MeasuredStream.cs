using System.Security.Cryptography;

namespace VoxelZoo.Engine.Files;

/// <summary>Hands on what is written to it, counts the bytes and takes their hash: facts of what was meant to be written.</summary>
/// <param name="inner">Where it goes; stays the caller's.</param>
/// <param name="hash">Is given all bytes, or null for none.</param>
internal sealed class MeasuredStream(Stream inner, IncrementalHash? hash = null) : Stream
{
    private long _bytes;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _bytes;

    public override long Position
    {
        get => _bytes;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        inner.Write(buffer);
        hash?.AppendData(buffer);
        _bytes += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
