using System.Text.Json.Nodes;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What has to be the same for two numbers to be compared. Runs with equal bases may stand in one ranking.</summary>
/// <param name="Key">Tells bases apart.</param>
/// <param name="Words">The basis for people.</param>
internal sealed record ComparisonBasis(string Key, string Words)
{
    // where the volumes lie and how they are read changes no number
    private static readonly string[] Places = ["cohort", "synthesize", "latents", "workers"];

    /// <summary>Of validation losses: the target, the grid, the space, what is predicted, and the volumes.</summary>
    public static ComparisonBasis Loss(ReportedRun run)
    {
        var e = run.Experiment;
        return new ComparisonBasis(
            Join(
                e.Target, e.Resolution, e.Space, e.IsCompressor, run.File["compressor"].Canonical(), run.File["strategy"].Canonical(),
                run.File.Text("training.validation_timesteps"), run.Status?.Best?.Measure,
                run.File.At("training.region_weights").Canonical(), run.File.At("condition.modalities").Canonical(),
                run.File.Text("training.loss") is null or "mse" ? null : run.File.Text("training.loss"),
                e.IsCompressor ? run.File.At("training.phases").Canonical() : "", Volumes(run, "val"), Preparation(run)),
            string.Join(
                ", ",
                new[]
                {
                    e.Target,
                    e.Space == "compressor" ? e.Architecture : $"{e.Space} space",
                    e.Resolution,
                    e.Strategy,
                    e.IsCompressor || run.Status?.Best?.Measure is not null ? null : "over evenly spread timesteps",
                }.OfType<string>()));
    }

    /// <summary>Of metrics of generated sets.</summary>
    public static ComparisonBasis Generated(ReportedRun run, SetResult set, SetQuality quality) => new(
        Join(
            run.Experiment.Target, run.Experiment.Resolution, quality.Metric, Options(run, quality.Metric), quality.Basis,
            quality.Extractor, quality.Against, quality.RealVolumes, set.Volumes, Volumes(run, quality.Against), Preparation(run)),
        $"{quality.Metric} of {Format.Plural(set.Volumes, "generated volume")} of {run.Experiment.Target}, {run.Experiment.Resolution}, "
        + $"against {Format.Plural(quality.RealVolumes, "volume")} of {quality.Against}, "
        + $"features of {quality.Extractor}{(quality.Basis is null ? "" : $", {quality.Basis}")}");

    /// <summary>Of metrics of reconstructions.</summary>
    public static ComparisonBasis Reconstructed(ReportedRun run, string metric, string split, int volumes) => new(
        Join(
            run.Experiment.Target, run.Experiment.Resolution, metric, Options(run, metric), split, volumes,
            Volumes(run, split), Preparation(run)),
        $"{metric} of {Format.Plural(volumes, "reconstruction")} of {run.Experiment.Target}, {run.Experiment.Resolution}, on {split}");

    /// <summary>The volumes of the target in a split, by hash; where they are not known, nothing is like them.</summary>
    private static string Volumes(ReportedRun run, string split)
    {
        if (run.Provenance?.Data.GetValueOrDefault(split) is not { } data)
            return run.Folder.Path;
        var targets = run.Experiment.Target.Split('+').Select(data.Kinds.GetValueOrDefault).ToArray();
        return $"{data.Patients} {(targets.Any(hash => hash is null) ? data.Sha256 : string.Join(' ', targets))}";
    }

    private static string Preparation(ReportedRun run) =>
        run.File["data"] is not JsonObject data
            ? ""
            : string.Join(
                ',',
                data.Where(entry => !Places.Contains(entry.Key)).OrderBy(entry => entry.Key, StringComparer.Ordinal)
                    .Select(entry => $"{entry.Key}:{entry.Value.Canonical()}"));

    private static string Options(ReportedRun run, string metric) =>
        (run.File.At("evaluation.metrics") as JsonArray)?.OfType<JsonObject>()
            .FirstOrDefault(part => part.Text("use") is { } use && use[(use.LastIndexOf('/') + 1)..] == metric).Canonical()
        ?? "";

    private static string Join(params object?[] parts) => string.Join('\n', parts);
}
