using System.Text;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>What others call a kind of image, as a cohort calls it.</summary>
internal static class KindNames
{
    private static readonly HashSet<string> Tumour =
        ["lesion", "lesions", "tumor", "tumors", "tumour", "tumours", "gtv", "metastasis", "metastases"];

    private static readonly HashSet<string> Mask =
        ["seg", "dseg", "mask", "masks", "label", "labels", "segmentation", "segmentations", "roi", "rois", "gt"];

    /// <summary>
    /// The kind that a file's name stands for, or empty where nothing of it is left: lower case, other signs as underscores. A name with
    /// the word of a tumour, or of words of masks alone, is <c>seg</c>; one with the word of a mask beside others <c>seg_OTHERS</c>. Words
    /// end at signs and at digits.
    /// </summary>
    public static string Of(string name)
    {
        var plain = Plain(name);
        var words = Words(plain);
        if (words.Any(Tumour.Contains) || plain is "ground_truth")
            return ImageKinds.Seg;
        if (!words.Any(Mask.Contains))
            return plain;
        var others = string.Join('_', plain.Split('_').Where(part => !Words(part).Any(Mask.Contains)));
        return others.All(letter => char.IsAsciiDigit(letter) || letter == '_') ? ImageKinds.Seg : Short($"{ImageKinds.Seg}_{others}");
    }

    /// <summary>The mask that a word of the user's stands for: <c>seg</c> for a tumour, or else <c>seg_WORD</c>.</summary>
    public static string OfMask(string word) =>
        Plain(word) is var plain && (plain.Length == 0 || ImageKinds.IsMask(plain)) ? plain
        : Tumour.Contains(plain) || Mask.Contains(plain) || plain is "ground_truth" ? ImageKinds.Seg
        : Short($"{ImageKinds.Seg}_{plain}");

    /// <summary>A name without the beginning that it shares with its patient's.</summary>
    public static string Without(string beginning, string stem) =>
        beginning.Length > 0 && stem.Length > beginning.Length && stem.StartsWith(beginning, StringComparison.OrdinalIgnoreCase)
            && !char.IsLetterOrDigit(stem[beginning.Length])
            ? stem[(beginning.Length + 1)..]
            : stem;

    private static string Plain(string name)
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
        return Short(trimmed.Length > 0 && !char.IsAsciiLetterLower(trimmed[0]) ? $"image_{trimmed}" : trimmed);
    }

    private static string[] Words(string plain) =>
        plain.Split(['_', .. "0123456789"], StringSplitOptions.RemoveEmptyEntries);

    private static string Short(string name) => name.Length > 64 ? name[..64] : name;
}
