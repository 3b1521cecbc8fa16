namespace VoxelZoo.Tensors.Tests;

internal static class ReferenceFile
{
    /// <summary>A file of tests/Reference, found from the test program upwards.</summary>
    internal static string PathOf(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "tests", "Reference", name)))
                return Path.Combine(folder.FullName, "tests", "Reference", name);
        throw new FileNotFoundException($"tests/Reference/{name} is not above {AppContext.BaseDirectory}");
    }
}
