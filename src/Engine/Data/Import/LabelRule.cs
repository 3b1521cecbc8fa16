using System.Globalization;
using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// Which labels of a mask make which mask: <c>1,4:tumour</c>. Tumours are <c>seg</c>, anything else is a mask of its own,
/// <c>seg_oedema</c>.
/// </summary>
/// <param name="Kind">The kind of the mask that is made.</param>
/// <param name="Labels">The labels.</param>
internal sealed partial record LabelRule(string Kind, IReadOnlySet<float> Labels)
{
    private const float Rounding = 0.01f;

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9 _-]*\z")]
    private static partial Regex Name { get; }

    /// <summary>What the source's mask becomes where no rule is given: tumour is whatever is above one half.</summary>
    public static bool IsTumour(float value) => value > 0.5f;

    /// <summary>
    /// The label that a voxel of a mask has: the whole number that a scaled or resampled file is next to, or else its value.
    /// </summary>
    public static float Label(float value) => Math.Abs(value - MathF.Round(value)) < Rounding ? MathF.Round(value) : value;

    /// <summary>Whether a voxel of a mask becomes part of any mask.</summary>
    public static bool IsTaken(IReadOnlyList<LabelRule> rules, float value) =>
        rules.Count == 0 ? IsTumour(value) : rules.Any(rule => rule.Has(value));

    /// <summary>Whether a voxel of a mask is the rule's.</summary>
    public bool Has(float value) => Labels.Contains(Label(value));

    /// <summary>Reads what <c>--labels</c> was given.</summary>
    /// <exception cref="PlanException">One of them is none, two make one mask, or two make the same of a mask.</exception>
    public static IReadOnlyList<LabelRule> Of(IReadOnlyList<string> rules)
    {
        LabelRule[] read = [.. rules.Select(Read)];
        if (read.GroupBy(rule => rule.Kind).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new PlanException($"--labels makes {twice.Key} twice; name all of its labels at once, as in --labels \"1,4:tumour\".");
        foreach (var (i, rule) in read.Index())
        {
            if (read[..i].FirstOrDefault(other => other.Labels.SetEquals(rule.Labels)) is { } same)
                throw new PlanException($"--labels makes {same.Kind} and {rule.Kind} of the same labels, so that both would be one mask; "
                    + "leave one of them out.");
        }

        return read;
    }

    /// <summary>Labels that several masks get, a sentence each: regions within each other are so, and mistakes.</summary>
    public static IEnumerable<string> Shared(IReadOnlyList<LabelRule> rules) =>
        rules.SelectMany(rule => rule.Labels).Distinct().Order()
            .Select(label => (Label: label, Kinds: rules.Where(rule => rule.Labels.Contains(label)).Select(rule => rule.Kind).ToArray()))
            .Where(one => one.Kinds.Length > 1)
            .Select(one => FormattableString.Invariant($"the label {one.Label} goes to {string.Join(" and to ", one.Kinds)}"));

    private static LabelRule Read(string rule)
    {
        var parts = rule.Split(':');
        var numbers = parts[0].Split(',', StringSplitOptions.TrimEntries);
        if (parts.Length != 2
            || numbers.Any(number => !float.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var label)
                || label == 0 || !float.IsFinite(label)))
            throw new PlanException($"--labels {rule}: expected LABELS:NAME, as in --labels \"1,4:tumour\".");
        if (!Name.IsMatch(parts[1].Trim()))
            throw new PlanException($"--labels {rule}: a mask is called by a word that begins with a letter from a to z, and has letters, "
                + "digits, blanks, - and _, as in --labels \"1,4:tumour\".");
        float[] labels = [.. numbers.Select(number => float.Parse(number, CultureInfo.InvariantCulture))];
        return labels.Distinct().Count() == labels.Length
            ? new LabelRule(KindNames.OfMask(parts[1]), labels.ToHashSet())
            : throw new PlanException($"--labels {rule} names a label twice; name each once.");
    }
}
