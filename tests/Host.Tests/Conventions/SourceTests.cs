using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>How the source is laid out, where no compiler looks.</summary>
public sealed class SourceTests
{
    private const int Columns = 140;

    private static readonly Regex Waiting = new(@"\bFile\.(ReadAllText|ReadAllBytes|ReadAllLines|ReadLines|OpenRead|OpenText)\(");

    private static readonly Regex Speaking = new(@"\bConsole\.(WriteLine|Out)\b");

    [Theory]
    [InlineData("benchmarks")]
    [InlineData("plugins")]
    [InlineData("samples")]
    [InlineData("src")]
    [InlineData("templates")]
    [InlineData("tests")]
    public void Lines_fit_the_page(string folder)
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories);

        Assert.NotEmpty(files);
        Assert.Empty(files.SelectMany(file => File.ReadLines(file)
            .Select((line, index) => (line.Length, Place: $"{Path.GetRelativePath(Repository.Root, file)}:{index + 1}"))
            .Where(line => line.Length > Columns)
            .Select(line => line.Place)));
    }

    /// <summary>
    /// A pipe in a file's place is waited for by all of .NET's ways to read a file; the engine and the host have one of
    /// their own, which refuses it.
    /// </summary>
    [Theory]
    [InlineData("src/Engine")]
    [InlineData("src/Host")]
    public void Files_are_read_where_pipes_are_refused(string folder) =>
        Assert.Empty(Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => Waiting.IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(Repository.Root, file)));

    /// <summary>
    /// What a path or a title holds could be obeyed by a terminal, so everything that is said on standard
    /// output goes through <c>Output</c>.
    /// </summary>
    [Fact]
    public void Lines_are_said_where_control_characters_are_made_visible() =>
        Assert.Empty(Directory.GetFiles(Path.Combine(Repository.Root, "src/Host"), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "Output.cs" && Speaking.IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(Repository.Root, file)));
}
