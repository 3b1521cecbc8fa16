using System.Globalization;
using System.Text;
using System.Text.Json;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using static VoxelZoo.Engine.Reports.Markdown;

namespace VoxelZoo.Engine.Reports.OneRun;

/// <summary>Writes a run's <c>report.md</c>: what was run, how it went, the loss curve, the measures, the pictures.</summary>
public static class RunReport
{
    /// <summary>Writes the report and its loss curve into the run's folder, from the files that the run left there.</summary>
    /// <param name="run">The run.</param>
    /// <param name="description">Its plan, described.</param>
    public static void Write(RunFolder run, PlanDescription description)
    {
        var text = new StringBuilder();
        var log = MetricsLog.Read(run.Metrics);
        Header(text, run, log, description);
        Curve(text, run, log);
        Meanwhile(text, log);
        Evaluation(text, run);
        Samples(text, run);
        AtomicFile.WriteText(run.Report, text.ToString());
    }

    private static void Header(StringBuilder text, RunFolder run, IReadOnlyList<MetricsEntry> log, PlanDescription d)
    {
        Line(text, $"# {d.Id}: {d.Title}\n");
        Line(text, $"| | |\n|---|---|");
        Line(text, $"| architecture | {d.Architecture}, {d.Parameters.Denoiser:N0} parameters |");
        Line(text, $"| compressor | {d.Compressor}: {Shape(d.InputShape)} → {Shape(d.LatentShape)} |");
        Line(text, $"| strategy | {d.Strategy}, sampled with {d.Sampler} |");
        Line(text, $"| target | {d.Target}{(d.Condition.Count > 0 ? " from " + string.Join(", ", d.Condition) : "")} |");
        foreach (var taken in new FrozenParts(run).List())
            Line(text, $"| {taken.Name.Replace('_', ' ')} from | {taken.Origin} |");
        Status(text, run, log);
        text.Append('\n');
    }

    /// <summary>Rows of how the run stands.</summary>
    internal static void Status(StringBuilder text, RunFolder run, IReadOnlyList<MetricsEntry> log)
    {
        if (run.ReadStanding() is not { } status)
            return;
        Line(
            text,
            $"| status | {JsonNamingPolicy.SnakeCaseLower.ConvertName(status.Status.ToString())}, epoch {status.Epoch} of {status.Epochs}, "
            + $"{status.Step:N0} steps |");
        var time = TimeSpan.FromSeconds(status.TrainingSeconds);
        Line(text, $"| training time | {(int)time.TotalHours:00}:{time:mm\\:ss} |");
        if (status.Best is { } best)
            Line(text, $"| best validation | {best.Loss:G4} in epoch {best.Epoch} |");
        if (status.BestGeneration is { } generated)
            Line(text, $"| best generation | {generated.Value:G4} in epoch {generated.Epoch}: {generated.Measure} |");
        if (MetricsLog.Gaps(log, status.Step) is { } gaps)
            Line(text, $"| lost history | metrics.jsonl has no whole line of {gaps} |");
        if (status.NonFiniteValidations > 0)
            Line(text, $"| validations not finite | {status.NonFiniteValidations}, though the weights were |");
        if (status.LastError is { } error)
            Line(text, $"| error | {error.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal)} |");
    }

    /// <summary>The loss curve as a file beside the report.</summary>
    internal static void Curve(StringBuilder text, RunFolder run, IReadOnlyList<MetricsEntry> log)
    {
        if (CurveOf(log) is not { } curve)
            return;
        AtomicFile.WriteText(Path.Combine(run.Path, "loss.svg"), curve);
        Line(text, $"## Loss\n\n![loss over epochs](loss.svg)\n");
        Line(text, $"Training loss of the last epoch: {log.Last(entry => entry.Kind == "epoch").Loss:G4}.\n");
    }

    /// <summary>A run's losses over its epochs as SVG, or null where it has none.</summary>
    public static string? CurveOf(RunFolder run) => CurveOf(MetricsLog.Read(run.Metrics));

    private static string? CurveOf(IReadOnlyList<MetricsEntry> log)
    {
        var epochs = log.Where(entry => entry.Kind == "epoch").ToArray();
        if (epochs.Length == 0)
            return null;
        CurveSeries[] series =
        [
            new("training loss", [.. epochs.Select(e => ((double)e.Epoch, e.Loss))]),
            new(
                "validation loss",
                [.. epochs.Where(e => e.ValidationLoss is not null).Select(e => ((double)e.Epoch, e.ValidationLoss!.Value))]),
        ];
        return LossCurve.Svg(series, "epoch");
    }

    /// <summary>What the model generated while it was trained: a row for each time, of the last ones where there are many.</summary>
    private static void Meanwhile(StringBuilder text, IReadOnlyList<MetricsEntry> log)
    {
        const int most = 20;
        var measured = log.Where(entry => entry.GenerationSeconds is not null && entry.Measures is not null).ToArray();
        if (measured.Length == 0)
            return;
        string[] groups = ["Generation/", "Estimate/", "Regional/"];
        string[] all = [.. measured.SelectMany(entry => entry.Measures!.Keys).Distinct().Order(StringComparer.Ordinal)];
        string[] names = [.. groups.SelectMany(group => all.Where(name => name.StartsWith(group, StringComparison.Ordinal)))];
        Line(text, $"## Generated while training\n");
        var last = measured.Length > most ? $" The last {most} of {measured.Length}." : "";
        Line(
            text,
            $"Of few volumes by few steps, always with the same noise: compare them with each other, not with an evaluation.{last}\n");
        Line(text, $"| epoch | {string.Join(" | ", names.Select(name => name.Replace('/', ' ').ToLowerInvariant()))} |");
        Line(text, $"|---|{string.Concat(names.Select(_ => "---|"))}");
        foreach (var entry in measured.TakeLast(most))
            Line(text, $"| {entry.Epoch} | {string.Join(" | ", names.Select(name => Shown(entry, name)))} |");
        text.Append('\n');

        static string Shown(MetricsEntry entry, string name) =>
            entry.Measures!.TryGetValue(name, out var value) ? value.ToString("G3", CultureInfo.InvariantCulture) : "-";
    }

    private static void Evaluation(StringBuilder text, RunFolder run)
    {
        if (EvaluationFile<EvaluationResult>.Read(run) is not { } file)
            return;
        foreach (var result in file.Results)
            Evaluation(text, result);
        foreach (var generated in file.Generated ?? [])
            Generated(text, generated);
        Floor(text, file.Floor ?? []);
        foreach (var metric in file.LeftOut ?? [])
            Line(text, $"- {metric.Reason}");
    }

    private static void Regions(StringBuilder text, IReadOnlyList<RegionalError> errors)
    {
        if (errors.Count == 0)
            return;
        Line(text, $"Squared errors of the same estimates in tumours, by diameter, and in the background:\n");
        Line(
            text,
            $"| t | tumours | background | ratio | below 10 mm | 10 to 20 mm | 20 to 30 mm | from 30 mm |\n"
            + $"|---|---|---|---|---|---|---|---|");
        foreach (var e in errors)
        {
            double?[] values = [e.TumourLoss, e.BackgroundLoss, e.Ratio, e.Tiny, e.Small, e.Medium, e.Large];
            Line(
                text,
                $"| {e.Timestep:G4} | {string.Join(" | ", values.Select(v => v?.ToString("G3", CultureInfo.InvariantCulture) ?? "-"))} |");
        }

        text.Append('\n');
    }

    private static void Generated(StringBuilder text, SetResult result)
    {
        Line(text, $"## Generated volumes of {string.Join(" = ", result.Checkpoints)}\n");
        // what is wrong with them comes before any number; against each set of real volumes it is said below
        foreach (var wrong in result.Metrics.Where(quality => quality.Value is not null && quality.Warnings.Count > 0)
            .DistinctBy(quality => quality.Metric))
            Line(text, $"> **Warning:** {wrong.Warnings[0]} (`{wrong.Metric}` against {wrong.Against}).\n");
        Line(
            text,
            $"{result.Volumes} volumes by {result.Sampler} with {result.FunctionEvaluations:G4} network evaluations each, "
            + $"seed {result.Seed}, {result.GuidanceWords}.\n");
        Masks(text, result.Masks);
        if (result.Metrics.Count == 0)
            return;
        Line(text, $"| metric | against | real volumes | value | interval | extractor |\n|---|---|---|---|---|---|");
        foreach (var quality in result.Metrics)
        {
            var interval = quality.Interval is { } i ? FormattableString.Invariant($"{i.Low:G4} to {i.High:G4}") : "";
            Line(
                text,
                $"| {quality.MetricWithBasis} | {quality.Against} | {quality.RealVolumes} | "
                + $"{quality.Value?.ToString("G4", CultureInfo.InvariantCulture) ?? "-"} | {interval} | {quality.Extractor} |");
        }

        text.Append('\n');
        foreach (var warning in result.Metrics.SelectMany(
            quality => quality.Warnings.Select(warning => $"{quality.Metric} against {quality.Against}: {warning}")))
            Line(text, $"- {warning}");
        text.Append('\n');
    }

    private static void Masks(StringBuilder text, MaskQuality? masks)
    {
        if (masks is null)
            return;
        Line(text, $"| of generated masks | value |\n|---|---|");
        foreach (var (name, value) in masks.Measures)
            Line(text, $"| {name} | {value:G4} |");
        text.Append('\n');
        Line(text, $"| tumours' distance from those of | {string.Join(" | ", masks.Distances.Select(each => each.Against))} |");
        Line(text, $"|---|{string.Concat(masks.Distances.Select(_ => "---|"))}");
        foreach (var (row, name) in TumourDistances.Names.Index())
        {
            var values = masks.Distances.Select(each => each.Values[row]?.ToString("G4", CultureInfo.InvariantCulture) ?? "-");
            Line(text, $"| {name} | {string.Join(" | ", values)} |");
        }

        text.Append('\n');
    }

    private static void Floor(StringBuilder text, IReadOnlyList<SetQuality> floor)
    {
        if (floor.Count == 0)
            return;
        Line(text, $"The floor: the same metrics with real volumes of one split in the place of generated ones.\n");
        Line(text, $"| metric | of | against | value | extractor |\n|---|---|---|---|---|");
        foreach (var quality in floor)
            Line(
                text,
                $"| {quality.MetricWithBasis} | {quality.Of} | {quality.Against} | "
                + $"{quality.Value?.ToString("G4", CultureInfo.InvariantCulture) ?? "-"} | {quality.Extractor} |");
        text.Append('\n');
    }

    private static void Evaluation(StringBuilder text, EvaluationResult evaluation)
    {
        Line(text, $"## Evaluation of {evaluation.Title}: {evaluation.Volumes} volumes\n");
        Line(
            text,
            $"{evaluation.Checkpoint}, weights: {evaluation.Weights}. Loss {evaluation.Loss:G4}; "
            + $"a network that returns zero has {evaluation.NullLoss:G4}.\n");
        if (evaluation.Reconstructions.Count > 0)
        {
            var lost = string.Join(", ", evaluation.Reconstructions.Select(e => $"{e.Metric} {Measure(e.Value)}"));
            Line(
                text,
                $"The compressor is lossy: what it makes of the real volumes has {lost}, "
                + $"and nothing generated can be expected to be nearer.\n");
        }

        var timesteps = evaluation.Estimates.Select(e => e.Timestep).Distinct().Order().ToArray();
        if (timesteps.Length == 0)
            return;
        Line(text, $"One-step estimates of the clean volume (not generated volumes), by the timestep they start from:\n");
        Line(text, $"| metric | {string.Join(" | ", timesteps.Select(t => $"t = {t:G4}"))} |");
        Line(text, $"|---|{string.Concat(timesteps.Select(_ => "---|"))}");
        foreach (var metric in evaluation.Estimates.GroupBy(e => e.Metric))
            Line(text, $"| {metric.Key} | {string.Join(" | ", metric.OrderBy(e => e.Timestep).Select(e => Measure(e.Value)))} |");
        text.Append('\n');
        Regions(text, evaluation.Regions);
    }

    private static void Samples(StringBuilder text, RunFolder run)
    {
        var samples = SampleFolder.Records<SampleRecord>(run);
        if (samples.Length == 0)
            return;
        Line(text, $"## Samples\n");
        foreach (var sample in samples)
        {
            var condition = sample.Condition is null
                ? ""
                : $", conditioned on {sample.Condition}: the real volume above, the generated one below";
            Line(text, $"{sample.Name}: {sample.FunctionEvaluations} network evaluations with {sample.Sampler}{condition}.\n");
            Line(text, $"![sample {sample.Name}](samples/{sample.Name}/{SampleFolder.PictureName})\n");
        }
    }
}
