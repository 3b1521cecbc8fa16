using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>
/// docs/fidelity.md names a test for each item and each trap; a page that names tests that are gone would be worth nothing.
/// </summary>
public sealed partial class FidelityTests
{
    [Fact]
    public void Tests_that_the_page_names_are_there()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs/fidelity.md"));
        var source = Directory.GetFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .GroupBy(file => Path.GetFileNameWithoutExtension(file))
            .ToDictionary(files => files.Key, files => string.Concat(files.Select(File.ReadAllText)));

        var named = Named().Matches(page)
            .Select(match => (Class: match.Groups["class"].Value, Method: match.Groups["method"].Value)).Distinct().ToArray();

        Assert.True(named.Length > 50);
        Assert.Empty(named.Where(test => !source.TryGetValue(test.Class, out var text)
            || !text.Contains($" {test.Method}(", StringComparison.Ordinal) && test.Method.Length > 0)
            .Select(test => $"{test.Class}.{test.Method}"));
    }

    [GeneratedRegex(@"`(?<class>[A-Z][A-Za-z0-9]*Tests)(\.(?<method>[A-Za-z0-9_]+))?`")]
    private static partial Regex Named();
}
