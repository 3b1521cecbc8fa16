using System.IO.Enumeration;

namespace VoxelZoo.Engine.Training;

/// <summary>Names of parameters and of layers in which <c>*</c> stands for anything.</summary>
internal static class NamePatterns
{
    /// <summary>The first pattern that a name is of, or null.</summary>
    public static string? Find(IReadOnlyList<string> patterns, string name) => patterns.FirstOrDefault(pattern => Matches(pattern, name));

    /// <summary>A pattern that no name is of, or null.</summary>
    public static string? Unused(IReadOnlyList<string> patterns, IEnumerable<string> names) =>
        patterns.FirstOrDefault(pattern => !names.Any(name => Matches(pattern, name)));

    private static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);
}
