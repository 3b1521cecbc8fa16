using System.Reflection;

namespace VoxelZoo.Plugins.Tests.Samples;

/// <summary>The program of docs/embedding.md.</summary>
public sealed class EmbeddingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-").FullName;

    [Fact]
    public void Program_without_the_host_trains_and_samples()
    {
        var run = Path.Combine(_folder, "run");

        Assembly.Load("Embedding").EntryPoint!.Invoke(null, [new[] { run }]);

        var samples = Directory.EnumerateDirectories(Path.Combine(run, "samples")).Select(sample => Path.GetFileName(sample));
        Assert.Equal(["00000", "00001"], samples.Order(StringComparer.Ordinal));
        Assert.True(File.Exists(Path.Combine(run, "samples", "00001", "bravo.nii.gz")));
    }

    [Fact]
    public void Page_shows_the_program_as_it_is()
    {
        var program = File.ReadAllText(Above("samples/Embedding/Program.cs")).TrimEnd('\n');

        Assert.Contains($"```csharp\n{program}\n```", File.ReadAllText(Above("docs/embedding.md")), StringComparison.Ordinal);
    }

    private static string Above(string file)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, file) is var path && File.Exists(path))
                return path;
        }

        throw new FileNotFoundException($"there is no {file} above the tests");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
