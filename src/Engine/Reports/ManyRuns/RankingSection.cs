using System.Text;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Runs in order, where they can be compared.</summary>
internal static class RankingSection
{
    public static void Write(StringBuilder text, ReportFacts facts)
    {
        text.Append(
            "## Rankings\n\nOnly what can be compared stands in one ranking: the same target, resolution, preparation and volumes (by "
            + "hash); losses in the same space with the same strategy; metrics of sets with the same options and extractor, "
            + "from as many generated against as many real volumes; metrics of reconstructions on the same split.\n\n");
        var shown = facts.Rankings.Where(ranking => ranking.Runs.Select(run => run.Run).Distinct().Count() > 1).ToArray();
        foreach (var ranking in shown)
            Ranking(text, ranking);
        var alone = facts.Runs.Select(run => run.Name).Except(shown.SelectMany(ranking => ranking.Runs.Select(run => run.Run))).ToArray();
        if (alone.Length > 0)
            text.Append($"In no ranking, as nothing here can be compared with them: {string.Join(", ", alone)}.\n\n");
    }

    private static void Ranking(StringBuilder text, Ranking ranking)
    {
        var isLoss = ranking.Measure == "validation loss";
        text.Append($"### {(isLoss ? $"Validation loss: {ranking.Basis}" : ranking.Basis)}\n\n");
        text.Append($"{ranking.Order!.Value.Words}.\n\n");
        var table = new MarkdownTable(
            "rank", "run", "experiment", "checkpoint", isLoss ? "best validation loss" : ranking.Measure, "interval", "made by", "mode",
            "latent", "parameters", "epochs", "status");
        foreach (var (run, i) in ranking.Runs.Select((run, i) => (run, i)))
        {
            var (source, e) = (run.Source, run.Source.Experiment);
            table.Add(
                $"{i + 1}", run.Run, $"{e.Id}{(e.Title.Length > 0 ? $": {e.Title}" : "")}", isLoss ? Format.None : run.Checkpoint,
                i == 0 ? $"**{Format.Ranked(run.Value)}**" : Format.Ranked(run.Value),
                run.Interval is { } interval ? $"{Format.Loss(interval.Low)} to {Format.Loss(interval.High)}" : Format.None,
                run.Made ?? Format.None, e.IsCompressor ? Format.None : e.Mode, e.IsCompressor ? e.Latent ?? Format.None : Format.None,
                Format.Parameters(e.Parameters), source.Status is { } status ? $"{status.Epoch}" : Format.None, source.State);
        }

        table.WriteTo(text);
        if (ranking.Runs is [{ Interval: { } first }, { Interval: { } second }, ..] && first.Low <= second.High && second.Low <= first.High)
            text.Append("The intervals of the first two overlap: with so few volumes the order of these may be chance.\n\n");
    }
}
