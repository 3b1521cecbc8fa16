using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Tests;

/// <summary>How the source is laid out, where no compiler looks.</summary>
public sealed class SourceTests
{
    private const int Columns = 140;

    private static readonly Regex Waiting = new(@"\bFile\.(ReadAllText|ReadAllBytes|ReadAllLines|ReadLines|OpenRead|OpenText)\(");

    // src/Conformance, src/Engine, src/Host and their tests are not there yet
    public static TheoryData<string> Folders =>
    [
        "plugins", "samples", "src/Abstractions", "src/Conformance.Xunit", "src/Tensors", "tests/Abstractions.Tests", "tests/Plugins.Tests", "tests/Tensors.Tests", "templates",
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

    /// <summary>A pipe in a file's place is waited for by all of .NET's ways to read a file; the engine and the host have one of their own, which refuses it.</summary>
    [Theory]
    [InlineData("src/Engine")]
    [InlineData("src/Host")]
    public void Files_are_read_where_pipes_are_refused(string folder) =>
        Assert.Empty(Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => Waiting.IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(Repository.Root, file)));
}
