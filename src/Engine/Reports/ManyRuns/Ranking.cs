using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Runs that may be compared, the best first.</summary>
public sealed record Ranking : OrderedValue
{
    /// <summary>What is compared: <c>validation loss</c>, or a metric's id.</summary>
    public required string Measure { get; init; }

    /// <summary>What is the same in all of them.</summary>
    public required string Basis { get; init; }

    /// <summary>The runs.</summary>
    public required IReadOnlyList<RankedRun> Runs { get; init; }

    /// <summary>All rankings, those of one run alone included: validation losses, generated volumes, reconstructions.</summary>
    internal static IReadOnlyList<Ranking> Of(IReadOnlyList<ReportedRun> runs) =>
    [
        .. Group("validation loss", runs.Where(run => run.Status?.Best is { } best && double.IsFinite(best.Loss))
            .Select(run =>
                (ComparisonBasis.Loss(run), (MetricOrder?)new MetricOrder(), new RankedRun(run, "best", run.Status!.Best!.Loss, null)))),
        .. Group(null, runs.SelectMany(Generated)),
        .. Group(null, runs.SelectMany(Reconstructed)),
    ];

    private static IEnumerable<(ComparisonBasis, MetricOrder?, RankedRun)> Generated(ReportedRun run) =>
        from set in run.Evaluation?.Generated ?? []
        where IsBest(set.Checkpoints, run.Evaluation!.Generated!.Select(other => other.Checkpoints))
        from quality in set.Metrics.OrderBy(quality => quality.Against == Data.Cohort.Test ? 0 : 1)
        where quality.Value is not null
        select (
            ComparisonBasis.Generated(run, set, quality),
            quality.Order,
            new RankedRun(run, string.Join(" = ", set.Checkpoints), quality.Value!.Value, quality.Interval)
            {
                Metric = quality.Metric,
                Made = FormattableString.Invariant($"{set.Sampler}, {set.FunctionEvaluations:G4} network evaluations")
                    + (set is { Guidance: 1, GuidanceOptions: null, TimeShift: null } ? "" : $", {set.GuidanceWords}"),
            });

    private static IEnumerable<(ComparisonBasis, MetricOrder?, RankedRun)> Reconstructed(ReportedRun run) =>
        from result in run.Reconstructions?.Results ?? []
        where IsBest(result.Checkpoints, run.Reconstructions!.Results.Select(other => other.Checkpoints))
        where result.Split == Data.Cohort.Test || run.Reconstructions!.Results.All(other => other.Split != Data.Cohort.Test)
        from quality in result.Metrics
        where quality.Value is not null
        select (ComparisonBasis.Reconstructed(run, quality.Metric, result.Split, result.Volumes), quality.Order,
            new RankedRun(run, string.Join(" = ", result.Checkpoints), quality.Value!.Value, null) { Metric = quality.Metric });

    // a run stands in a ranking by its best checkpoint; by another one only where that was not judged
    private static bool IsBest(IReadOnlyList<string> checkpoints, IEnumerable<IReadOnlyList<string>> all) =>
        checkpoints.Contains("best") || !all.Any(others => others.Contains("best"));

    // a metric whose direction a file of before does not say is not ranked
    private static IEnumerable<Ranking> Group(
        string? measure, IEnumerable<(ComparisonBasis Basis, MetricOrder? Order, RankedRun Run)> values) => values
        .Where(value => value.Order is not null && double.IsFinite(value.Run.Value))
        .GroupBy(value => value.Basis.Key)
        .Select(group => new Ranking
        {
            Measure = measure ?? group.First().Run.Metric!,
            Basis = group.First().Basis.Words,
            Order = group.First().Order,
            Runs = [.. group.Select(value => value.Run).OrderBy(run => group.First().Order!.Value.Rank(run.Value))],
        });
}

/// <summary>A run's place in a ranking.</summary>
/// <param name="Source">The run.</param>
/// <param name="Checkpoint">The checkpoint.</param>
/// <param name="Value">Its value.</param>
/// <param name="Interval">Where the value would fall with other volumes, or null.</param>
public sealed record RankedRun([property: JsonIgnore] ReportedRun Source, string Checkpoint, double Value, MetricInterval? Interval)
{
    /// <summary>The run's name.</summary>
    public string Run => Source.Name;

    /// <summary>How the volumes were generated, or null.</summary>
    public string? Made { get; init; }

    /// <summary>The metric, or null for a loss.</summary>
    internal string? Metric { get; init; }
}
