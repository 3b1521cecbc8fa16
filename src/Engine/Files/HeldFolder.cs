namespace VoxelZoo.Engine.Files;

/// <summary>
/// A folder that something is made in before it is put in its place. Others see whether the process that makes it
/// lives. Gone when disposed of.
/// </summary>
public sealed class HeldFolder : IDisposable
{
    private const string HeldName = "held";

    private readonly FileStream _held; // open, so that others see that this process lives

    private HeldFolder(string path, FileStream held) => (Path, _held) = (path, held);

    /// <summary>The folder, which holds one file at first.</summary>
    public string Path { get; }

    /// <summary>Makes a folder.</summary>
    /// <param name="path">Its path, where nothing is.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static HeldFolder Make(string path)
    {
        Directory.CreateDirectory(path);
        return new HeldFolder(
            path, new FileStream(System.IO.Path.Combine(path, HeldName), FileMode.CreateNew, FileAccess.Write, FileShare.None));
    }

    /// <summary>Whether a folder is what a killed process left, which nobody makes any more.</summary>
    /// <param name="path">The folder.</param>
    public static bool IsLeft(string path)
    {
        try
        {
            // one that is not there yet is about to be
            using var held = new FileStream(System.IO.Path.Combine(path, HeldName), FileMode.Open, FileAccess.Write, FileShare.None);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Removes the folder and what is in it.</summary>
    public void Dispose()
    {
        _held.Dispose();
        Directory.Delete(Path, recursive: true);
    }
}
