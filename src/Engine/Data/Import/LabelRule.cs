using System.Globalization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// Which labels of a mask make which mask: <c>1,4:tumour</c>. Tumours are <c>seg</c>, anything else is a mask of its own,
/// <c>seg_oedema</c>.
/// </summary>
/// <param name="Kind">The kind of the mask that is made.</param>
/// <param name="Labels">The labels.</param>
internal sealed record LabelRule(string Kind, IReadOnlySet<float> Labels)
{
    /// <summary>What the source's mask becomes where no rule is given: tumour is whatever is above one half.</summary>
    public static bool IsTumour(float value) => value > 0.5f;

    /// <summary>Reads what <c>--labels</c> was given.</summary>
    /// <exception cref="PlanException">One of them is none, or two make one mask.</exception>
    public static IReadOnlyList<LabelRule> Of(IReadOnlyList<string> rules)
    {
        LabelRule[] read = [.. rules.Select(Read)];
        return read.GroupBy(rule => rule.Kind).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new PlanException($"--labels makes {twice.Key} twice; name all of its labels at once, as in --labels \"1,4:tumour\".")
            : read;
    }

    private static LabelRule Read(string rule)
    {
        var parts = rule.Split(':');
        var numbers = parts[0].Split(',', StringSplitOptions.TrimEntries);
        if (parts.Length != 2
            || numbers.Any(number => !float.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var label) || label == 0)
            || KindNames.OfMask(parts[1]).Length == 0)
            throw new PlanException($"--labels {rule}: expected LABELS:NAME, as in --labels \"1,4:tumour\".");
        return new LabelRule(
            KindNames.OfMask(parts[1]),
            numbers.Select(number => float.Parse(number, CultureInfo.InvariantCulture)).ToHashSet());
    }
}
