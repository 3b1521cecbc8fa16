namespace VoxelZoo.Host.Tests;

/// <summary>Where the tests' own repository lies.</summary>
internal static class Repository
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = Find();

    /// <summary>The plugins beside the program that the build leaves.</summary>
    public static string Plugins { get; } = Path.Combine(Root, "artifacts/bin/Host/release/plugins");

    private static string Find()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (File.Exists(Path.Combine(d.FullName, "VoxelZoo.slnx")))
                return d.FullName;
        }

        throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is not inside the repository");
    }
}
