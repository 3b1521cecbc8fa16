using System.Globalization;
using System.Text;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using static VoxelZoo.Engine.Reports.Markdown;

namespace VoxelZoo.Engine.Reports.OneRun;

/// <summary>Writes what sweeps found for people: a table in Markdown with a picture beside it.</summary>
public static class SweepReport
{
    /// <summary>Writes <c>sweeps/solvers.md</c> and <c>sweeps/solvers.svg</c>.</summary>
    /// <param name="run">The run.</param>
    /// <param name="file">The sweep.</param>
    /// <param name="ranking">Its configurations, the best first.</param>
    public static void Write(RunFolder run, SolverSweepFile file, IReadOnlyList<SweptConfiguration> ranking)
    {
        string[] metrics = [.. ranking.SelectMany(one => one.Metrics.Keys).Distinct()];
        var text = new StringBuilder();
        Line(text, $"# Solvers of {file.Experiment}, {file.Checkpoint}\n");
        Line(
            text,
            $"{file.Count} volumes for each configuration, seed {file.Seed}, the same noise and conditions for all, "
            + $"against the volumes of {file.Against}. Sorted by {metrics.FirstOrDefault()}.\n");
        Line(text, $"| configuration | NFE | seconds a volume | {string.Join(" | ", metrics)} |");
        Line(text, $"|---|---|---|{string.Concat(metrics.Select(_ => "---|"))}");
        foreach (var one in ranking)
            Line(
                text,
                $"| {one.Name} | {one.Nfe:G5} | {one.SecondsPerVolume:G3} | "
                + $"{string.Join(" | ", metrics.Select(metric => Cell(one.Metrics.GetValueOrDefault(metric))))} |");
        text.Append('\n');
        foreach (var extractor in ranking.SelectMany(one => one.Metrics.Select(
            metric => $"{metric.Key}: {metric.Value.Extractor}{(metric.Value.Basis is { } basis ? $", {basis}" : "")}")).Distinct())
            Line(text, $"- {extractor}");
        foreach (var group in ranking.SelectMany(one => one.Metrics.SelectMany(
            metric => metric.Value.Warnings.Select(warning => (one.Name, metric.Key, Warning: warning)))).GroupBy(w => (w.Key, w.Warning)))
            Line(
                text,
                $"- {group.Key.Key} of {(group.Count() == ranking.Count ? "all" : string.Join(", ", group.Select(w => w.Name)))}: "
                + $"{group.Key.Warning}");
        if (metrics.Length > 0)
        {
            Line(text, $"\n![{metrics[0]} against network calls](solvers.svg)");
            AtomicFile.WriteText(Path.Combine(run.Sweeps, "solvers.svg"), Svg(file, metrics[0]));
        }

        AtomicFile.WriteText(Path.Combine(run.Sweeps, "solvers.md"), text.ToString());
    }

    /// <summary>A metric against the network calls for a volume, a line and a colour for each solver.</summary>
    /// <param name="file">The sweep.</param>
    /// <param name="metric">The metric.</param>
    public static string Svg(SolverSweepFile file, string metric) => LossCurve.Svg(
        [
            .. file.Configurations.GroupBy(one => one.Sampler).Select(solver => new CurveSeries(
                solver.Key,
                [
                    .. solver.Where(one => one.Metrics.GetValueOrDefault(metric)?.Value is not null)
                        .Select(one => (one.Nfe, one.Metrics[metric].Value!.Value)).OrderBy(point => point.Nfe),
                ])),
        ],
        $"network calls for a volume; vertically {metric}", doubling: true);

    /// <summary>Writes <c>sweeps/steps.md</c>.</summary>
    public static void Write(RunFolder run, StepSearchFile file)
    {
        var text = new StringBuilder();
        Line(text, $"# Steps of {file.Sampler} for {file.Experiment}, {file.Checkpoint}\n");
        Line(
            text,
            $"The best {file.Metric} from {file.Lo} to {file.Hi} steps is that of {file.Best}. "
            + $"The golden section tried these, in this order; it may miss what does not fall and then rise.\n");
        Line(text, $"| steps | {file.Metric} |\n|---|---|");
        foreach (var tried in file.Evaluated)
            Line(text, $"| {tried.Steps}{(tried.Steps == file.Best ? " (best)" : "")} | {tried.Value:G5} |");
        AtomicFile.WriteText(Path.Combine(run.Sweeps, "steps.md"), text.ToString());
    }

    private static string Cell(SweptMetric? metric) => metric?.Value is not { } value ? "-"
        : metric.Interval is { } interval ? string.Create(
            CultureInfo.InvariantCulture, $"{value:G5} ({interval.Low:G4} to {interval.High:G4})")
        : value.ToString("G5", CultureInfo.InvariantCulture);
}
