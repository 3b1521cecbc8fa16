namespace VoxelZoo.Host.Tests;

/// <summary>How the source is laid out, where no compiler looks.</summary>
public sealed class SourceTests
{
    private const int Columns = 140;

    // src/Conformance, src/Engine, src/Host and their tests are not there yet
    public static TheoryData<string> Folders =>
    [
        "plugins", "samples", "src/Abstractions", "src/Tensors", "tests/Abstractions.Tests", "tests/Plugins.Tests", "tests/Tensors.Tests",
    ];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Lines_fit_the_page(string folder)
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories);

        Assert.NotEmpty(files);
        Assert.Empty(files.SelectMany(file => File.ReadLines(file)
            .Select((line, index) => (line.Length, Place: $"{Path.GetRelativePath(Repository.Root, file)}:{index + 1}"))
            .Where(line => line.Length > Columns)
            .Select(line => line.Place)));
    }
}
