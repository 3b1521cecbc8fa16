using System.Globalization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>Labels that <c>--labels</c> names and that no mask has.</summary>
internal static class MissingLabels
{
    /// <summary>Refuses rules of which none has a label that is there, before the first scan is written.</summary>
    /// <param name="plan">What is to be done.</param>
    /// <param name="found">The labels of all masks.</param>
    /// <exception cref="PlanException">No mask has any of the labels.</exception>
    public static void Require(ImportPlan plan, IEnumerable<string> found)
    {
        string[] there = [.. found.Distinct().Order(StringComparer.Ordinal)];
        if (plan.Labels.Count > 0 && !plan.Labels.SelectMany(Words).Any(there.Contains))
            throw new PlanException($"--labels {string.Join(' ', plan.Recipe.Labels)}: no mask has any of these labels; "
                + (there.Length == 0 ? "there are no masks with labels." : $"there are {string.Join(", ", there)}."));
    }

    /// <summary>A sentence for each rule that names some.</summary>
    /// <param name="plan">What is to be done.</param>
    /// <param name="found">The labels of all masks.</param>
    public static IEnumerable<string> Sentences(ImportPlan plan, IEnumerable<string> found)
    {
        var there = found.Distinct().Order(StringComparer.Ordinal).ToArray();
        foreach (var rule in plan.Labels)
        {
            string[] missing = [.. Words(rule).Except(there).Order(StringComparer.Ordinal)];
            if (missing.Length > 0)
                yield return $"--labels names {(missing.Length == 1 ? "the label" : "the labels")} {string.Join(", ", missing)} for "
                    + $"{rule.Kind}, which no mask has; they have {string.Join(", ", there)}";
        }
    }

    private static IEnumerable<string> Words(LabelRule rule) => rule.Labels.Select(label => label.ToString(CultureInfo.InvariantCulture));
}
