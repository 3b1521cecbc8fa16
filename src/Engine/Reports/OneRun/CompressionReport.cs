using System.Globalization;
using System.Text;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using static VoxelZoo.Engine.Reports.Markdown;

namespace VoxelZoo.Engine.Reports.OneRun;

/// <summary>
/// Writes the <c>report.md</c> of a compressor's run: what was run, how it went, the loss curve, the measures, the pictures.
/// </summary>
public static class CompressionReport
{
    /// <summary>Writes the report and its loss curve into the run's folder, from the files that the run left there.</summary>
    /// <param name="run">The run.</param>
    /// <param name="description">Its plan, described.</param>
    public static void Write(RunFolder run, CompressionDescription description)
    {
        var text = new StringBuilder();
        var log = MetricsLog.Read(run.Metrics);
        Header(text, run, log, description);
        RunReport.Curve(text, run, log);
        Evaluation(text, run);
        Samples(text, run);
        AtomicFile.WriteText(run.Report, text.ToString());
    }

    private static void Header(StringBuilder text, RunFolder run, IReadOnlyList<MetricsEntry> log, CompressionDescription d)
    {
        Line(text, $"# {d.Id}: {d.Title}\n");
        Line(text, $"| | |\n|---|---|");
        Line(text, $"| compressor | {d.Compressor}, {d.Parameters.Compressor:N0} parameters |");
        Line(text, $"| latent | {Shape(d.InputShape)} → {Shape(d.LatentShape)}, {d.Factor:G4} times fewer numbers |");
        Line(text, $"| target | {d.Target} |");
        foreach (var (phase, i) in d.Phases.Select((phase, i) => (phase, i)))
            Line(text, $"| phase {i + 1} | {phase.Describe()} |");
        RunReport.Status(text, run, log);
        text.Append('\n');
    }

    private static void Evaluation(StringBuilder text, RunFolder run)
    {
        foreach (var result in EvaluationFile<ReconstructionResult>.Read(run)?.Results ?? [])
            Evaluation(text, result);
    }

    private static void Evaluation(StringBuilder text, ReconstructionResult evaluation)
    {
        Line(text, $"## Reconstructions by {evaluation.Title}: {evaluation.Volumes} volumes\n");
        Line(
            text,
            $"{evaluation.Checkpoint}, weights: {evaluation.Weights}. Loss {evaluation.Loss:G4}; "
            + $"{string.Join(", ", evaluation.Measures.Select(m => FormattableString.Invariant($"{m.Key} {m.Value:G4}")))}.\n");
        if (evaluation.Metrics.Count == 0)
            return;
        var kinds = evaluation.Names.Select(Kind).Distinct().ToArray();
        Line(text, $"| metric | all | {string.Join(" | ", kinds)} |");
        Line(text, $"|---|---|{string.Concat(kinds.Select(_ => "---|"))}");
        foreach (var metric in evaluation.Metrics)
        {
            var byKind = kinds.Select(
                kind => metric.Values.Zip(evaluation.Names).Where(v => Kind(v.Second) == kind).Select(v => v.First).ToArray());
            Line(
                text,
                $"| {metric.Metric} | {Measure(metric.Value)} | "
                + $"{string.Join(" | ", byKind.Select(values => Measure(values.Contains(null) ? null : values.Average())))} |");
        }

        text.Append('\n');
    }

    private static void Samples(StringBuilder text, RunFolder run)
    {
        var samples = SampleFolder.Records<ReconstructionRecord>(run);
        if (samples.Length == 0)
            return;
        Line(text, $"## Reconstructions\n");
        foreach (var sample in samples)
        {
            Line(text, $"{sample.Volume}: the real volume above, its reconstruction below.\n");
            Line(text, $"![reconstruction {sample.Name}](samples/{sample.Name}/{SampleFolder.PictureName})\n");
        }
    }

    private static string Kind(string name) => name[(name.LastIndexOf('/') + 1)..];
}
