using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Tests.Runs.Checkpoints;

/// <summary>How an operation on files fails.</summary>
public enum Fault
{
    /// <summary>The disk is full: half of a write arrives.</summary>
    NoSpace,

    /// <summary>The disk fails.</summary>
    InputOutput,

    /// <summary>Half of a write arrives, and nobody says so.</summary>
    ShortWrite,

    /// <summary>There is no room for anything, and the disk says so when asked.</summary>
    Full,

    /// <summary>The process is killed: half of a write arrives, and nothing is done after it.</summary>
    Kill,
}

/// <summary>The process is gone.</summary>
internal sealed class KilledException : Exception;

/// <summary>The files of the operating system, of which the n-th operation fails.</summary>
internal sealed class FaultyFiles(Fault fault, int fails) : IFiles
{
    private readonly IFiles _disk = DiskFiles.Instance;
    private int _operations;

    /// <summary>Whether there were as many operations, so that one failed.</summary>
    public bool Failed { get; private set; }

    /// <summary>Called before a file is created.</summary>
    public Action Creating { get; init; } = () => { };

    public void CreateFolder(string path) => Do(() => _disk.CreateFolder(path));

    public bool HasFolder(string path) => Do(() => _disk.HasFolder(path));

    public bool HasFile(string path) => Do(() => _disk.HasFile(path));

    public IReadOnlyList<string> Folders(string parent, string pattern) => Do(() => _disk.Folders(parent, pattern));

    public Stream Create(string path) => Do(() =>
    {
        Creating();
        return new Writing(this, _disk.Create(path));
    });

    public void Flush(Stream stream) => Do(() => _disk.Flush(((Writing)stream).Inner));

    public Stream Open(string path) => Do(() => _disk.Open(path));

    public long Length(string path) => Do(() => _disk.Length(path));

    public void Replace(string from, string to) => Do(() => _disk.Replace(from, to));

    public void RenameFolder(string from, string to) => Do(() => _disk.RenameFolder(from, to));

    public void Delete(string path) => Do(() => _disk.Delete(path));

    public void DeleteFolder(string path) => Do(() => _disk.DeleteFolder(path));

    public void FlushFolder(string path) => Do(() => _disk.FlushFolder(path));

    public long Free(string folder) => Do(() => fault == Fault.Full ? 600 : _disk.Free(folder));

    private void Do(Action operation) => Do(() =>
    {
        operation();
        return true;
    });

    private T Do<T>(Func<T> operation)
    {
        if (Fails() && fault != Fault.ShortWrite)
            throw Error();
        return operation();
    }

    private bool Fails()
    {
        if (Failed && fault == Fault.Kill)
            throw new KilledException();
        if (++_operations != fails)
            return false;
        Failed = true;
        return true;
    }

    private Exception Error() => fault switch
    {
        Fault.Kill => new KilledException(),
        Fault.NoSpace => new IOException("No space left on device"),
        _ => new IOException("Input/output error"),
    };

    private sealed class Writing(FaultyFiles files, Stream inner) : Stream
    {
        public Stream Inner => inner;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            var fails = files.Fails();
            inner.Write(fails ? buffer[..(buffer.Length / 2)] : buffer);
            if (!fails || files.Fault == Fault.ShortWrite)
                return;
            throw files.Error();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private Fault Fault => fault;
}
