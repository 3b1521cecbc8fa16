using System.Text.RegularExpressions;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// The kinds of image that a patient's folder may hold, each as <c>KIND.nii.gz</c>. Their names are the cohort's own: lower-case letters,
/// digits and underscores, a letter first. Those of the original are a preset: who names no cohort has them.
/// </summary>
public static partial class ImageKinds
{
    /// <summary>T1-weighted inversion-recovery gradient echo after contrast agent.</summary>
    public const string Bravo = "bravo";

    /// <summary>Fluid-attenuated inversion recovery.</summary>
    public const string Flair = "flair";

    /// <summary>T1-weighted spin echo before contrast agent.</summary>
    public const string T1Pre = "t1_pre";

    /// <summary>T1-weighted spin echo after contrast agent.</summary>
    public const string T1Gd = "t1_gd";

    /// <summary>Binary mask of the tumours. What begins with <c>seg_</c> is a mask of something else.</summary>
    public const string Seg = "seg";

    private const string OtherMask = Seg + "_";

    /// <summary>The kinds of the original, and of cohorts that <c>data synthesize</c> makes.</summary>
    public static IReadOnlyList<string> Original { get; } = [Bravo, Flair, T1Pre, T1Gd, Seg];

    /// <summary>What a kind may be called, for people.</summary>
    internal const string Rule = "a kind is called by lower-case letters, digits and underscores, a letter first, as in t1c";

    [GeneratedRegex(@"^[a-z][a-z0-9_]{0,63}\z")]
    private static partial Regex Name { get; }

    /// <summary>Whether a kind may be called so.</summary>
    public static bool IsName(string kind) => Name.IsMatch(kind);

    /// <summary>
    /// Whether the images of a kind are masks, of 0 and 1, which are resized by their area and never scaled:
    /// <c>seg</c>, and what begins with <c>seg_</c>.
    /// </summary>
    public static bool IsMask(string kind) => kind == Seg || kind.StartsWith(OtherMask, StringComparison.Ordinal);

    /// <summary>
    /// Kinds in the order in which they are listed: images before masks, and of either those of the original before the
    /// others, which are sorted.
    /// </summary>
    public static IReadOnlyList<string> Ordered(IEnumerable<string> kinds) =>
        [.. kinds.Distinct().OrderBy(IsMask).ThenBy(kind => Place(kind)).ThenBy(kind => kind, StringComparer.Ordinal)];

    private static int Place(string kind) =>
        Original.Index().Where(one => one.Item == kind).Select(one => one.Index).DefaultIfEmpty(Original.Count).First();
}
