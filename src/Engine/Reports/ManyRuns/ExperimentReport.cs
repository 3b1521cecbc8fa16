using System.Text;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Writes the report of many runs as Markdown, with its pictures in a folder beside it.</summary>
public static class ExperimentReport
{
    /// <summary>
    /// Writes the report; one that is there is replaced as a whole. Where it cannot be written, no pictures are left
    /// that were not there before.
    /// </summary>
    /// <param name="facts">What it says.</param>
    /// <param name="file">The Markdown file. Its pictures go into <c>FILE_files</c>.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(ReportFacts facts, string file)
    {
        var pictures = new ReportPictures(file);
        try
        {
            Write(facts, file, pictures);
        }
        catch
        {
            pictures.Discard();
            throw;
        }

        pictures.RemoveOthers();
    }

    private static void Write(ReportFacts facts, string file, ReportPictures pictures)
    {
        var text = new StringBuilder();
        Head(text, facts);
        QuickReference.Write(text, facts);
        ExperimentIndex.Write(text, facts);
        ExperimentSections.Write(text, facts, pictures);
        RankingSection.Write(text, facts);
        SweepSection.Write(text, facts);
        ProblemSection.Write(text, facts);
        ProvenanceSection.Write(text, facts.Provenance);
        AtomicFile.WriteText(file, text.ToString().TrimEnd('\n') + "\n");
    }

    private static void Head(StringBuilder text, ReportFacts facts)
    {
        text.Append("# Experiment results\n\n");
        var (runs, experiments) = (facts.Runs, facts.Runs.Select(run => run.Experiment.Id).Distinct().Count());
        text.Append($"{Format.Plural(runs.Count, "run")} of {Format.Plural(experiments, "experiment")}");
        if (facts.From is { } from && facts.To is { } to)
            text.Append(Format.Date(from) == Format.Date(to) ? $", {Format.Date(to)}" : $", {Format.Date(from)} to {Format.Date(to)}");
        text.Append($". {Format.Time(runs.Sum(run => run.Status?.TrainingSeconds ?? 0))} of training in all.\n\n");
        var states = runs.GroupBy(run => run switch
        {
            { IsTraining: true } => "running",
            { Status: null } => "of unknown state",
            { Status.Status: RunState.Completed } => "completed",
            { Status.Status: RunState.Diverged } => "diverged",
            { Status.Status: RunState.TimeLimit } => "stopped by a time limit",
            { Status.Status: RunState.Failed } => "failed",
            _ => "interrupted",
        }).OrderByDescending(group => group.Count());
        text.Append($"{string.Join(", ", states.Select(group => $"{group.Count()} {group.Key}"))}.");
        if (facts.Problems.Count > 0)
            text.Append($" {Format.Plural(facts.Problems.Count, "entry", "entries")} under [problems](#problems-seen).");
        text.Append(
            "\n\nVolumes are H×W×D voxels. Losses of different targets, spaces or strategies cannot be compared; "
            + "the [rankings](#rankings) hold only what can.\n\n");
    }
}
