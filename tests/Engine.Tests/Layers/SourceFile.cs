using System.Text.RegularExpressions;

namespace VoxelZoo.Engine.Tests.Layers;

/// <summary>A source file of Engine.</summary>
/// <param name="Name">Its path below <c>src/Engine</c>.</param>
/// <param name="Folder">The namespace that it declares, below Engine's.</param>
/// <param name="Usings">The namespaces that it names in using directives, below Engine's.</param>
internal sealed partial record SourceFile(string Name, string Folder, IReadOnlyList<string> Usings)
{
    [GeneratedRegex(@"^namespace VoxelZoo\.Engine\.?([\w.]*);", RegexOptions.Multiline)]
    private static partial Regex Namespace { get; }

    // of a static or named one the type is cut off
    [GeneratedRegex(@"^using (?:(?:static |\w+ = )VoxelZoo\.Engine\.?([\w.]*)\.\w+|VoxelZoo\.Engine\.?([\w.]*));", RegexOptions.Multiline)]
    private static partial Regex Using { get; }

    /// <summary>All files that are compiled into Engine.</summary>
    public static IEnumerable<SourceFile> All()
    {
        var root = Path.Combine(Repository(), "src", "Engine");
        return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Select(path => Read(Path.GetRelativePath(root, path), File.ReadAllText(path)));
    }

    private static SourceFile Read(string name, string text) => new(
        name, Namespace.Match(text).Groups[1].Value,
        [.. Using.Matches(text).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value)]);

    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "VoxelZoo.slnx")))
                return folder.FullName;
        }

        throw new InvalidOperationException("the tests run from within the repository, below VoxelZoo.slnx");
    }
}
