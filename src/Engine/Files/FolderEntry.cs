namespace VoxelZoo.Engine.Files;

/// <summary>
/// Tells folders that can be read from what only looks like one; .NET says of both a dead link and a closed folder that they are not there.
/// </summary>
internal static class FolderEntry
{
    /// <summary>What is said of a folder that the user may not enter.</summary>
    public const string Denied = "cannot be read: permission denied";

    private const string Dead = "is a symbolic link that leads";

    /// <summary>Whether a path is a link that leads nowhere, or to itself.</summary>
    public static bool IsDead(string path) => WhyNotUsable(path)?.StartsWith(Dead, StringComparison.Ordinal) == true;

    /// <summary>
    /// Why a path is no folder whose files can be opened: the end of a sentence that the path begins, without a full stop. Null for such a
    /// folder, and for what is not there.
    /// </summary>
    public static string? WhyNotUsable(string path) => Tried(() =>
    {
        if (!File.GetAttributes(path).HasFlag(FileAttributes.Directory))
            return WhyNoFolder(path);
        // to ask for any name takes the right to enter, and tells "not there" from "not allowed"
        _ = IsThere(Path.Combine(path, "bravo.nii.gz"));
        return null;
    });

    /// <summary>As <see cref="WhyNotUsable"/>, of a folder whose entries are listed as well.</summary>
    public static string? WhyNotListed(string path) => WhyNotUsable(path) ?? Tried(() =>
    {
        using var entries = Directory.EnumerateFileSystemEntries(path).GetEnumerator();
        entries.MoveNext();
        return null;
    });

    private static string? Tried(Func<string?> find)
    {
        try
        {
            return find();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return Denied;
        }
        catch (IOException e)
        {
            return $"cannot be read: {e.Message}";
        }
    }

    /// <summary>Of something that is there and is no folder.</summary>
    private static string WhyNoFolder(string path)
    {
        try
        {
            if (File.ResolveLinkTarget(Path.GetFullPath(path), returnFinalTarget: true) is not { } target)
                return "is a file, not a folder";
            return IsThere(target.FullName) ? "is a symbolic link to a file, not to a folder" : $"{Dead} nowhere";
        }
        catch (UnauthorizedAccessException)
        {
            return Denied;
        }
        catch (IOException)
        {
            return $"{Dead} back to itself";
        }
    }

    /// <exception cref="UnauthorizedAccessException">A folder above it may not be entered.</exception>
    private static bool IsThere(string path)
    {
        try
        {
            File.GetAttributes(path);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }
}
