namespace VoxelZoo.Engine.Files;

/// <summary>Where things of the repository are looked for.</summary>
public static class NearFolders
{
    /// <summary>The working directory and the folders above it, then the program's folder and those above it.</summary>
    public static IEnumerable<string> Above() => new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory }.SelectMany(Above);

    /// <summary>A folder and those above it.</summary>
    public static IEnumerable<string> Above(string folder)
    {
        for (var d = new DirectoryInfo(folder); d is not null; d = d.Parent)
            yield return d.FullName;
    }
}
