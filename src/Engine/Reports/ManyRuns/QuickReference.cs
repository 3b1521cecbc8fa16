using System.Text;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>The best run of each category.</summary>
internal static class QuickReference
{
    public static void Write(StringBuilder text, ReportFacts facts)
    {
        text.Append("## Quick reference: best results\n\n");
        var table = new MarkdownTable(
            "category", "best run", "parameters", "validation loss (epoch)", "training loss", "epochs", "quality", "notes");
        foreach (var ranking in facts.Rankings.Where(r => r.Measure == "validation loss")
            .OrderBy(r => ExperimentIndex.Order(r.Runs[0].Source.Experiment)).ThenByDescending(r => r.Runs.Count))
        {
            var (best, e) = (ranking.Runs[0].Source, ranking.Runs[0].Source.Experiment);
            table.Add(
                $"**{e.Target}, {e.Space}** {e.Resolution}",
                best.Name,
                Format.Parameters(e.Parameters),
                $"{Format.Loss(best.Status!.Best!.Loss)} ({best.Status.Best.Epoch})",
                Format.Loss(best.TrainingLoss),
                $"{best.Status.Epoch}",
                Quality(facts, best),
                Notes(ranking, best));
        }

        table.WriteTo(text);
        text.Append(
            "A category is a target, a space and a resolution, with the same options of compressor and "
            + "strategy and the same validation volumes: what a loss can be compared in. "
            + "Quality: of generated volumes where some were judged, for compressors of reconstructions of test volumes.\n\n");
    }

    private static string Quality(ReportFacts facts, ReportedRun run) => string.Join(", ", facts.Rankings
        .SelectMany(ranking => ranking.Runs.Select(ranked => (ranking.Measure, Ranked: ranked)))
        .Where(value => ReferenceEquals(value.Ranked.Source, run)
            && value.Measure != "validation loss"
            && value.Ranked.Checkpoint.StartsWith("best", StringComparison.Ordinal))
        .DistinctBy(value => value.Measure)
        .Select(value => $"{value.Measure} {Format.Loss(value.Ranked.Value)}"));

    private static string Notes(Ranking ranking, ReportedRun best)
    {
        List<string> notes = [best.Experiment.Strategy ?? best.Experiment.Architecture];
        notes.Add(ranking.Runs.Count == 1 ? "only run" : $"best of {ranking.Runs.Count}");
        if (best.State != "completed")
            notes.Add($"**{best.State}**");
        if (best.Remarks.Any(remark => remark.Contains("still improving", StringComparison.Ordinal)))
            notes.Add("still improving");
        return string.Join("; ", notes);
    }
}
