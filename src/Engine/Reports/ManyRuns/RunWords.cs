using System.Globalization;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>How a run went, in words.</summary>
internal static partial class RunWords
{
    /// <summary>
    /// <c>completed</c>, <c>DIVERGED ep35</c>, <c>TIME LIMIT</c>, <c>failed: …</c>, <c>running</c>, <c>INTERRUPTED ep3</c>.
    /// </summary>
    /// <param name="status">The run's status.</param>
    /// <param name="isTraining">Whether a process trains it.</param>
    /// <param name="isOfAnimal">Whether it was trained elsewhere, and came as an animal of a zoo.</param>
    public static string State(RunStatus? status, bool isTraining, bool isOfAnimal) => status switch
    {
        _ when isTraining => "running",
        null when isOfAnimal => "of a zoo",
        null => "unknown",
        { Status: RunState.Completed } => "completed",
        { Status: RunState.Diverged } => $"DIVERGED ep{DivergedAt(status)}",
        { Status: RunState.TimeLimit } => "TIME LIMIT",
        { Status: RunState.Failed } => $"failed: {Format.Line(status.LastError ?? "no reason given", 60)}",
        _ => $"INTERRUPTED ep{status.Epoch}",
    };

    /// <summary>The epoch in which a run diverged.</summary>
    public static int DivergedAt(RunStatus status) =>
        AtEpoch().Match(status.LastError ?? "") is { Success: true } match
            ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : status.Epoch + 1;

    /// <summary>What a reader would see in the curves.</summary>
    public static IEnumerable<string> Remarks(
        IReadOnlyList<MetricsEntry> epochs, RunStatus? status, EvaluationFile<EvaluationResult>? evaluation)
    {
        if (epochs.Count > 1)
            yield return $"training loss {Format.Loss(epochs[0].Loss)} in epoch {epochs[0].Epoch}, "
                + $"{Format.Loss(epochs[^1].Loss)} in epoch {epochs[^1].Epoch}";
        var validated = epochs.Where(e => e.ValidationLoss is { } loss && double.IsFinite(loss)).ToArray();
        if (validated.Length > 2 && status?.Best is { } best && validated[^1] is { } last)
        {
            if (best.Epoch == last.Epoch)
                yield return "the last validation was the best: **still improving**";
            else if (last.ValidationLoss > 1.05 * best.Loss)
                yield return $"validation {Format.Loss(last.ValidationLoss)} at the end, "
                    + $"best {Format.Loss(best.Loss)} in epoch {best.Epoch}";
        }

        if (epochs.Select(e => e.Loss).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min() is var least
            && epochs.Count > 1
            && epochs[^1].Loss > 3 * least)
            yield return $"the training loss **rose late**: its least was {Format.Loss(least)}";
        if (evaluation?.Results.FirstOrDefault(r => r.Checkpoints.Contains("best")) is { } judged && judged.Loss >= 0.95 * judged.NullLoss)
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"on {judged.Split} its loss is {judged.Loss / judged.NullLoss:P0} of that of a network that returns zero: "
                + $"**nothing learned yet**");
    }

    [GeneratedRegex(@"diverged at epoch (\d+)")]
    private static partial Regex AtEpoch();
}
