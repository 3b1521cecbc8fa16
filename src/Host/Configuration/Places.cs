namespace VoxelZoo.Host.Configuration;

/// <summary>Where things of the repository are looked for.</summary>
internal static class Places
{
    /// <summary>The working directory and the folders above it, then the program's folder and those above it.</summary>
    public static IEnumerable<string> Above() => new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory }.SelectMany(Ancestors);

    /// <summary>A path for people: relative to the working directory where it is below it, whole otherwise.</summary>
    public static string Shown(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative == ".." || relative.StartsWith("../", StringComparison.Ordinal) ? Path.GetFullPath(path) : relative;
    }

    private static IEnumerable<string> Ancestors(string folder)
    {
        for (var d = new DirectoryInfo(folder); d is not null; d = d.Parent)
            yield return d.FullName;
    }
}
