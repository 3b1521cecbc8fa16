using System.Text;
using System.Text.RegularExpressions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>What others call a kind of image, as a cohort calls it.</summary>
internal static partial class KindNames
{
    [GeneratedRegex("^(seg|dseg|mask|label|labels|segmentation|lesion|lesions|tumou?r|roi|gt|ground_truth|gtv)\\z")]
    private static partial Regex Mask { get; }

    /// <summary>
    /// The kind that a name stands for, or empty where nothing of it is left: lower case, other signs as underscores, every name of a mask
    /// as <c>seg</c>.
    /// </summary>
    public static string Of(string name)
    {
        var kind = new StringBuilder();
        foreach (var letter in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(letter))
                kind.Append(letter);
            else if (kind.Length > 0 && kind[^1] != '_')
                kind.Append('_');
        }

        var trimmed = kind.ToString().Trim('_');
        if (trimmed.Length > 0 && !char.IsAsciiLetterLower(trimmed[0]))
            trimmed = $"image_{trimmed}";
        return Mask.IsMatch(trimmed) ? ImageKinds.Seg : trimmed.Length > 64 ? trimmed[..64] : trimmed;
    }

    /// <summary>A name without the beginning that it shares with its patient's.</summary>
    public static string Without(string beginning, string stem) =>
        beginning.Length > 0 && stem.Length > beginning.Length && stem.StartsWith(beginning, StringComparison.OrdinalIgnoreCase)
            && !char.IsLetterOrDigit(stem[beginning.Length])
            ? stem[(beginning.Length + 1)..]
            : stem;
}
