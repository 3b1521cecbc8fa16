using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// What the user calls files: <c>*_t1c=t1c</c>. The pattern is of a file's name without suffix, or of its path where it has a slash; the
/// first that fits counts.
/// </summary>
internal sealed class KindMap
{
    private readonly IReadOnlyList<(string Pattern, Regex Regex, string Kind)> _rules;

    private KindMap(IReadOnlyList<(string, Regex, string)> rules) => _rules = rules;

    /// <summary>Reads what <c>--map</c> was given.</summary>
    /// <exception cref="PlanException">One of them is no pattern and kind.</exception>
    public static KindMap Of(IEnumerable<string> rules) => new([.. rules.Select(Rule)]);

    /// <summary>The kind of an image, empty for one that is not wanted, or null where the user says nothing of it.</summary>
    public string? KindOf(NamedImage image) => Find(image)?.Kind;

    /// <summary>The pattern that fits an image, or null.</summary>
    public string? PatternOf(NamedImage image) => Find(image)?.Pattern;

    /// <summary>The patterns that fit none of some images.</summary>
    public IEnumerable<string> Unused(IReadOnlyList<NamedImage> images) =>
        _rules.Where(rule => !images.Any(image => Fits(rule, image))).Select(rule => $"{rule.Pattern}={rule.Kind}");

    private (string Pattern, string Kind)? Find(NamedImage image)
    {
        foreach (var rule in _rules.Where(rule => Fits(rule, image)))
            return (rule.Pattern, rule.Kind);
        return null;
    }

    private static bool Fits((string Pattern, Regex Regex, string) rule, NamedImage image) =>
        rule.Regex.IsMatch(rule.Pattern.Contains('/') ? image.Path : image.Stem);

    private static (string, Regex, string) Rule(string rule)
    {
        var equals = rule.LastIndexOf('=');
        if (equals < 1)
            throw new PlanException($"--map {rule}: expected PATTERN=KIND, as in --map \"*_t1c=t1c\"; PATTERN= leaves files out.");
        var (pattern, kind) = (rule[..equals].Trim(), rule[(equals + 1)..].Trim());
        if (kind.Length > 0 && !ImageKinds.IsName(kind))
            throw new PlanException($"--map {rule}: {ImageKinds.Rule}.");
        return (
            pattern,
            new Regex(
                $"^{Regex.Escape(pattern).Replace("\\*", ".*").Replace("\\?", ".")}\\z",
                RegexOptions.IgnoreCase | RegexOptions.CultureInvariant),
            kind);
    }
}
