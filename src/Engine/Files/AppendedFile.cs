using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Files;

/// <summary>
/// A file that grows by records while something goes on that is worth more than it. What cannot be written, as on a full disk, is kept and
/// tried again with each record that follows.
/// </summary>
/// <param name="stream">The file, which can be sought; owned from now on.</param>
/// <param name="name">Its name, for messages.</param>
/// <param name="warn">Is told, one sentence, when writing begins to fail, and of what is lost in the end.</param>
internal sealed class AppendedFile(Stream stream, string name, Action<string> warn) : IDisposable
{
    private readonly MemoryStream _pending = new();
    private long _written = stream.Seek(0, SeekOrigin.End);
    private bool _told;

    /// <summary>Opens a file at its end, or makes it.</summary>
    /// <exception cref="IOException">It is no file, or cannot be opened.</exception>
    public static AppendedFile Open(string path, Action<string> warn)
    {
        RegularFile.Require(path);
        return new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0), path, warn);
    }

    /// <summary>Adds a record and hands it to the operating system.</summary>
    public void Append(ReadOnlySpan<byte> record)
    {
        _pending.Write(record);
        if (TryWrite() is not { } problem || _told)
            return;
        _told = true;
        warn($"{name} cannot be written ({problem}); what belongs there is kept and tried again with what follows");
    }

    /// <summary>Writes what is kept.</summary>
    /// <returns>What prevents it, or null.</returns>
    private string? TryWrite()
    {
        try
        {
            stream.Position = _written; // over what arrived of an attempt before
            stream.Write(_pending.GetBuffer(), 0, (int)_pending.Length);
            stream.Flush();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Unwritten.Why(e);
        }

        _written += _pending.Length;
        _pending.SetLength(0);
        _told = false;
        return null;
    }

    /// <summary>Tries once more to write what is kept, and closes the file.</summary>
    public void Dispose()
    {
        if (_pending.Length > 0 && TryWrite() is { } problem)
            warn($"{name} lacks its last {_pending.Length} bytes, which could not be written ({problem})");
        stream.Dispose();
        _pending.Dispose();
    }
}
