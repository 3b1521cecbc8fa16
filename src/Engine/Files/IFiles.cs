using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Files;

/// <summary>
/// The operations on files of what has to survive a full disk, a failing one and a kill. Nothing of it goes past this interface, so that
/// tests can let each operation fail.
/// </summary>
internal interface IFiles
{
    /// <summary>Creates a folder with those above it; nothing where it exists.</summary>
    void CreateFolder(string path);

    /// <summary>Whether there is a folder.</summary>
    bool HasFolder(string path);

    /// <summary>Whether there is a file.</summary>
    bool HasFile(string path);

    /// <summary>Names of the folders in a folder that match a pattern.</summary>
    IReadOnlyList<string> Folders(string parent, string pattern);

    /// <summary>Opens a new or emptied file for writing.</summary>
    Stream Create(string path);

    /// <summary>Waits until what was written to a stream of <see cref="Create"/> is on the disk.</summary>
    void Flush(Stream stream);

    /// <summary>Opens a file for reading.</summary>
    Stream Open(string path);

    /// <summary>Size of a file in bytes.</summary>
    long Length(string path);

    /// <summary>Renames a file over another.</summary>
    void Replace(string from, string to);

    /// <summary>Renames a folder to a name that is free.</summary>
    void RenameFolder(string from, string to);

    /// <summary>Removes a file; nothing where there is none.</summary>
    void Delete(string path);

    /// <summary>Removes a folder with all that is in it.</summary>
    void DeleteFolder(string path);

    /// <summary>Waits until the names in a folder are on the disk.</summary>
    void FlushFolder(string path);

    /// <summary>Bytes that may still be written to the file system of a folder, as far as it says.</summary>
    long Free(string folder);
}

/// <summary>The files of the operating system.</summary>
internal sealed class DiskFiles : IFiles
{
    private DiskFiles()
    {
    }

    /// <summary>The only one.</summary>
    public static DiskFiles Instance { get; } = new();

    public void CreateFolder(string path) => Directory.CreateDirectory(path);

    public bool HasFolder(string path) => Directory.Exists(path);

    public bool HasFile(string path) => File.Exists(path);

    public IReadOnlyList<string> Folders(string parent, string pattern) =>
        [.. Directory.EnumerateDirectories(parent, pattern).Select(folder => Path.GetFileName(folder))];

    public Stream Create(string path) => new FileStream(path, FileMode.Create, FileAccess.Write);

    public void Flush(Stream stream) => ((FileStream)stream).Flush(flushToDisk: true);

    public Stream Open(string path) => RegularFile.OpenRead(path);

    public long Length(string path) => new FileInfo(path).Length;

    public void Replace(string from, string to) => File.Move(from, to, overwrite: true);

    public void RenameFolder(string from, string to) => Directory.Move(from, to);

    public void Delete(string path) => File.Delete(path);

    public void DeleteFolder(string path) => Directory.Delete(path, recursive: true);

    public void FlushFolder(string path) => DurableDirectory.Flush(path);

    public long Free(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return long.MaxValue; // it does not say; the write itself will
        }
    }
}
