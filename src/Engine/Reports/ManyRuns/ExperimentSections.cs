using System.Globalization;
using System.Text;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>A section for each experiment, with a row for each of its runs.</summary>
internal static class ExperimentSections
{
    public static void Write(StringBuilder text, ReportFacts facts, ReportPictures pictures)
    {
        var parts = facts.Runs.GroupBy(run => run.Experiment.Id)
            .GroupBy(
                experiment => (Order: ExperimentIndex.Order(experiment.First().Experiment), Title: Part(experiment.First().Experiment)))
            .OrderBy(part => part.Key.Order).ThenBy(part => part.Key.Title, StringComparer.Ordinal);
        foreach (var (part, i) in parts.Select((part, i) => (part, i)))
        {
            text.Append($"## Part {i + 1}: {part.Key.Title}\n\n");
            foreach (var experiment in part)
                Section(text, [.. experiment], pictures);
        }
    }

    private static string Part(ExperimentFacts e) => e.Space switch
    {
        "compressor" => "Compressors",
        "space-to-depth" => $"Space-to-depth: {e.Target}",
        var space => $"{char.ToUpperInvariant(space[0])}{space[1..]} space: {e.Target}",
    };

    private static void Section(StringBuilder text, IReadOnlyList<ReportedRun> runs, ReportPictures pictures)
    {
        var e = runs[0].Experiment;
        text.Append($"### {e.Id}{(e.Title.Length > 0 ? $": {e.Title}" : "")}\n\n");
        text.Append(
            "**Configuration**: "
            + $"{string.Join("; ", new[] { e.Architecture, e.Strategy, e.Configuration }.Where(words => !string.IsNullOrEmpty(words)))}.");
        if (e.Latent is { } latent)
            text.Append($" {(e.IsCompressor ? "Latent" : "Diffused as")}: {latent}.");
        text.Append("\n\n");
        Runs(text, runs);
        foreach (var run in runs.Where(run => run.Remarks.Count > 0))
            text.Append($"- {run.Name}: {string.Join("; ", run.Remarks)}.\n");
        if (runs.Any(run => run.Remarks.Count > 0))
            text.Append('\n');
        Evaluations(text, runs);
        Generated(text, runs);
        Masks(text, runs);
        Meanwhile(text, runs);
        Reconstructions(text, runs);
        if (pictures.Curve(runs) is { } curve)
            text.Append($"![losses of {e.Id} by epoch; validation is dashed]({curve})\n\n");
        if (runs.Where(run => run.Picture is not null)
            .OrderBy(run => run.Status?.Best?.Loss ?? double.PositiveInfinity).FirstOrDefault() is { } best)
            text.Append(
                $"{best.Name}: {best.Picture!.Value.Caption}; axial, coronal, sagittal.\n\n"
                + $"![sample of {best.Name}]({pictures.Sample(best)})\n\n");
    }

    /// <summary>A row for each run.</summary>
    private static void Runs(StringBuilder text, IReadOnlyList<ReportedRun> runs)
    {
        var table = new MarkdownTable(
            "run", "jobs", "settings", "epochs", "best validation (epoch)", "final training loss", "time/epoch", "total",
            "peak memory (GiB)", "GPU memory (GiB)", "skipped steps", "rollbacks", "segments", "status");
        foreach (var run in runs)
        {
            var status = run.Status;
            table.Add(
                run.Name,
                run.Chain is { } chain ? string.Join(", ", chain.Jobs) : Format.None,
                string.Join(
                    ", ",
                    run.Settings.Select(setting => Format.Line(
                        setting[(setting.LastIndexOf('.', setting.IndexOf('=', StringComparison.Ordinal)) + 1)..], 60))),
                status is null ? Format.None : $"{status.Epoch}/{status.Epochs}",
                status?.Best is { } best ? $"{Format.Loss(best.Loss)} ({best.Epoch})" : Format.None,
                Format.Loss(run.TrainingLoss),
                Format.Time(run.SecondsPerEpoch),
                Format.Time(status?.TrainingSeconds),
                Format.Gibibytes(run.PeakMebibytes),
                Format.Gibibytes(run.DeviceMebibytes),
                Format.Count(status?.SkippedSteps),
                Format.Count(status?.Rollbacks),
                status is { Segments: > 1 } ? Format.Count(status.Segments) : Format.None,
                run.State == "completed" ? run.State : $"**{run.State}**");
        }

        table.WriteTo(text);
    }

    private static void Evaluations(StringBuilder text, IReadOnlyList<ReportedRun> runs)
    {
        var results = runs.SelectMany(run => (run.Evaluation?.Results ?? []).Select(result => (Run: run, Result: result))).ToArray();
        if (results.Length == 0)
            return;
        var metrics = results.SelectMany(r => r.Result.Estimates.Select(e => (e.Metric, e.Timestep)))
            .GroupBy(e => e.Metric, e => e.Timestep)
            .Select(group => (Metric: group.Key, Timesteps: group.Distinct().Order().ToArray())).ToArray();
        var table = new MarkdownTable(
            ["run", "checkpoint", "split", "volumes", "loss", "share of a zero network's loss", .. metrics.Select(m =>
                $"{m.Metric} from t = {string.Join(" / ", m.Timesteps.Select(t => t.ToString("G4", CultureInfo.InvariantCulture)))}")]);
        foreach (var (run, result) in results)
        {
            table.Add(
            [
                run.Name, Names(result), result.Split, $"{result.Volumes}", Format.Loss(result.Loss),
                (result.Loss / result.NullLoss).ToString("P0", CultureInfo.InvariantCulture),
                .. metrics.Select(m => string.Join(
                    " / ",
                    m.Timesteps.Select(
                        t => Format.Loss(result.Estimates.FirstOrDefault(e => e.Metric == m.Metric && e.Timestep == t)?.Value)))),
            ]);
        }

        text.Append(
            "**Evaluation** (metrics are of one-step estimates of the clean volume from timestep t, "
            + "not of generated volumes; psnr in dB):\n\n");
        table.WriteTo(text);
    }

    private static void Generated(StringBuilder text, IReadOnlyList<ReportedRun> runs)
    {
        var table = new MarkdownTable(
            "run", "checkpoint", "sampler", "network evaluations", "generated", "metric", "against", "real",
            "value", "interval", "extractor");
        foreach (var run in runs)
        {
            foreach (var set in run.Evaluation?.Generated ?? [])
            {
                foreach (var q in set.Metrics)
                {
                    table.Add(
                        run.Name, string.Join(" = ", set.Checkpoints), set.Sampler, Format.Loss(set.FunctionEvaluations), $"{set.Volumes}",
                        q.MetricWithBasis, q.Against, $"{q.RealVolumes}",
                        q.Value is null ? "not computed" : Format.Loss(q.Value),
                        q.Interval is { } i ? $"{Format.Loss(i.Low)} to {Format.Loss(i.High)}" : Format.None, q.Extractor);
                }
            }
        }

        if (table.IsEmpty)
            return;
        text.Append("**Generated volumes**:\n\n");
        table.WriteTo(text);
    }

    /// <summary>The tumours of generated masks: a row for each set and each split of real masks.</summary>
    private static void Masks(StringBuilder text, IReadOnlyList<ReportedRun> runs)
    {
        var table = new MarkdownTable(
        [
            "run", "checkpoint", "generated", "without a tumour", "as asked for", "mean absolute error",
            "rank correlation", "against", "real",
            .. TumourDistances.Names.Select(name => $"distance of {name}"),
        ]);
        foreach (var run in runs)
        {
            foreach (var set in (run.Evaluation?.Generated ?? []).Where(set => set.Masks is not null))
            {
                foreach (var distances in set.Masks!.Distances)
                {
                    var adherence = set.Masks.Adherence;
                    table.Add(
                    [
                        run.Name, string.Join(" = ", set.Checkpoints), $"{set.Volumes}", $"{set.Masks.Empty}",
                        adherence?.Exact.ToString("P0", CultureInfo.InvariantCulture) ?? Format.None,
                        Format.Loss(adherence?.MeanAbsoluteError), Format.Loss(adherence?.Spearman),
                        distances.Against, $"{distances.RealVolumes}", .. distances.Values.Select(Format.Loss),
                    ]);
                }
            }
        }

        if (table.IsEmpty)
            return;
        text.Append("**Generated masks** (distances are Wasserstein-1 of the tumours, of volume and diameter after ln(1 + x)):\n\n");
        table.WriteTo(text);
    }

    /// <summary>The best that runs generated while they were trained.</summary>
    private static void Meanwhile(StringBuilder text, IReadOnlyList<ReportedRun> runs)
    {
        var table = new MarkdownTable("run", "best generation (epoch)", "measured as");
        foreach (var run in runs)
        {
            if (run.Status?.BestGeneration is { } best)
                table.Add(run.Name, $"{Format.Loss(best.Value)} ({best.Epoch})", best.Measure);
        }

        if (table.IsEmpty)
            return;
        text.Append("**Generated while training** (few volumes by few steps; only what is measured alike compares):\n\n");
        table.WriteTo(text);
    }

    private static void Reconstructions(StringBuilder text, IReadOnlyList<ReportedRun> runs)
    {
        var results = runs.SelectMany(run => (run.Reconstructions?.Results ?? []).Select(result => (Run: run, Result: result))).ToArray();
        if (results.Length == 0)
            return;
        var metrics = results.SelectMany(r => r.Result.Metrics.Select(m => m.Metric)).Distinct().ToArray();
        var measures = results.SelectMany(r => r.Result.Measures.Keys).Distinct().Except(metrics).ToArray();
        var table = new MarkdownTable(["run", "checkpoint", "split", "volumes", "loss", .. measures, .. metrics]);
        foreach (var (run, result) in results)
        {
            table.Add(
            [
                run.Name, Names(result), result.Split, $"{result.Volumes}", Format.Loss(result.Loss),
                .. measures.Select(m => Format.Loss(result.Measures.TryGetValue(m, out var value) ? value : null)),
                .. metrics.Select(m => Format.Loss(result.Metrics.FirstOrDefault(q => q.Metric == m)?.Value)),
            ]);
        }

        text.Append("**Reconstructions** (psnr in dB):\n\n");
        table.WriteTo(text);
    }

    private static string Names(CheckpointResult result) => string.Join(" = ", result.Checkpoints.DefaultIfEmpty(result.Checkpoint));
}
