namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Standard output or standard error. Where it can no longer be written, on a full disk for instance, the first failure is kept and the
/// rest goes nowhere, as after the reader of a pipe has gone: days of training must not end for a line that nobody sees.
/// </summary>
/// <param name="stream">The system's.</param>
internal sealed class StandardStream(Stream stream) : Stream
{
    /// <summary>Why it could not be written, or null.</summary>
    public string? Failure { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (Failure is not null)
            return;
        try
        {
            stream.Write(buffer);
        }
        catch (IOException e)
        {
            Failure = e.Message;
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
