using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>docs/tutorial.md: its commands and what it has the author write, in order.</summary>
internal static partial class TutorialPage
{
    [GeneratedRegex(
        "(?:`(?<file>[^`\n]+)`[^`\n]*:\n\n)?^```(?<language>sh|csharp|xml)\n(?<text>.*?)^```$",
        RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block { get; }

    /// <summary>A line of what is done.</summary>
    /// <param name="Words">The command; empty where a file is written.</param>
    /// <param name="File">The file that is written, or null.</param>
    /// <param name="Text">What is written: a whole file of C#, or properties of a project.</param>
    public sealed record Step(string[] Words, string? File = null, string Text = "");

    /// <summary>Everything that the page does.</summary>
    public static IReadOnlyList<Step> Steps { get; } =
        [.. Block.Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/tutorial.md"))).SelectMany(Of)];

    private static IEnumerable<Step> Of(Match block)
    {
        var text = block.Groups["text"].Value;
        if (block.Groups["language"].Value != "sh")
            return [new Step([], block.Groups["file"].Value, text)];
        return text.TrimEnd('\n').Split('\n')
            .Select(line => new Step(line.Replace("$VOXELZOO", Repository.Root, StringComparison.Ordinal).Split(' ')));
    }
}
