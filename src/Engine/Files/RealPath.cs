namespace VoxelZoo.Engine.Files;

/// <summary>Paths without symbolic links, by which two names of one file are known.</summary>
internal static class RealPath
{
    // as many as Linux follows
    private const int MostLinks = 40;

    /// <summary>The path that a name leads to, whether or not anything is there. What leads back to itself stays as it is.</summary>
    /// <param name="path">The name.</param>
    public static string Of(string path) => Follow(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), 0) ?? Path.GetFullPath(path);

    private static string? Follow(string path, int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;
        if (links > MostLinks || Follow(parent, links) is not { } folder)
            return null;
        var place = Path.Combine(folder, Path.GetFileName(path));
        return new FileInfo(place).LinkTarget is { } target
            ? Follow(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, folder)), links + 1)
            : place;
    }
}
