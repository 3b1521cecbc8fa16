using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>A sweep of a run's sampler, as a table.</summary>
public sealed record SweepFacts
{
    /// <summary>The run.</summary>
    public required string Run { get; init; }

    /// <summary>Its experiment.</summary>
    public required string Experiment { get; init; }

    /// <summary>What was swept: <c>solvers</c> or <c>steps</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>How, in a sentence.</summary>
    public required string Basis { get; init; }

    /// <summary>The table's head.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>A row for each configuration.</summary>
    public required IReadOnlyList<IReadOnlyList<string>> Rows { get; init; }

    /// <summary>What came of it, or null.</summary>
    public string? Conclusion { get; init; }

    /// <summary>The run's sweep of solvers; null where there is none, or no configuration is done.</summary>
    /// <exception cref="RunFolderException">Its file is damaged, or of another version.</exception>
    internal static SweepFacts? Solvers(RunFolder folder, string run, string experiment)
    {
        if (SolverSweepFile.Read(folder) is not { Configurations.Count: > 0 } file)
            return null;
        var metrics = file.Configurations.SelectMany(c => c.Metrics.Keys).Distinct().ToArray();
        var best = metrics.ToDictionary(metric => metric, metric => Best(file, metric));
        var extractors = metrics.SelectMany(metric => file.Configurations.Select(c => c.Metrics.GetValueOrDefault(metric)?.Extractor)
            .OfType<string>().Distinct()).Distinct();
        var bases = metrics.SelectMany(metric => file.Configurations.Select(c => c.Metrics.GetValueOrDefault(metric)?.Basis)
            .OfType<string>().Distinct().Select(basis => $"; {metric} with {basis}"));
        return new SweepFacts
        {
            Run = run,
            Experiment = experiment,
            Kind = "solvers",
            Basis = $"{file.Checkpoint}, {file.Count} volumes for each configuration with seed {file.Seed}, against {file.Against}; "
                + $"features of {string.Join(", ", extractors)}{string.Concat(bases)}",
            Columns =
            [
                "configuration",
                "sampler",
                "steps",
                "tolerance",
                "network evaluations",
                "s/volume",
                .. metrics.SelectMany(metric => new[] { metric, $"{metric} interval" }),
            ],
            Rows =
            [
                .. file.Configurations.Select(c => (string[])
                [
                    c.Name, c.Sampler, c.Steps is { } steps ? Format.Count(steps) : Format.None,
                    c.Tolerance is { } tolerance ? Format.Small(tolerance) : Format.None,
                    Format.Loss(c.Nfe), Format.Loss(c.SecondsPerVolume),
                    .. metrics.SelectMany(metric => Cells(c.Metrics.GetValueOrDefault(metric), best[metric])),
                ]),
            ],
            Conclusion = metrics.FirstOrDefault() is { } first
                && best[first] is { } value
                && file.Configurations.First(c => c.Metrics.GetValueOrDefault(first)?.Value == value) is var winner
                ? $"Best {first}: {winner.Name}, {Format.Loss(value)} with {Format.Loss(winner.Nfe)} network evaluations."
                : null,
        };
    }

    /// <summary>The run's search for a number of steps; null where there is none.</summary>
    /// <exception cref="RunFolderException">Its file is damaged, or of another version.</exception>
    internal static SweepFacts? Steps(RunFolder folder, string run, string experiment) =>
        StepSearchFile.Read(folder) is not { Evaluated.Count: > 0 } file ? null : new SweepFacts
        {
            Run = run,
            Experiment = experiment,
            Kind = "steps",
            Basis = $"{file.Checkpoint}, {file.Sampler}, golden-section search from {file.Lo} to {file.Hi} steps",
            Columns = ["steps", file.Metric],
            Rows = [.. file.Evaluated.OrderBy(tried => tried.Steps)
                .Select(tried => (string[])[tried.Steps == file.Best ? $"**{tried.Steps}**" : $"{tried.Steps}", Format.Loss(tried.Value)])],
            Conclusion = $"Best number of steps: {file.Best}.",
        };

    private static double? Best(SolverSweepFile file, string metric)
    {
        var measured = file.Configurations.Select(c => c.Metrics.GetValueOrDefault(metric))
            .OfType<SweptMetric>().Where(m => m.Value is { } value && double.IsFinite(value)).ToArray();
        return measured is [] ? null : measured.MinBy(m => (m.Order ?? default).Rank(m.Value!.Value))!.Value;
    }

    private static string[] Cells(SweptMetric? metric, double? best)
    {
        var words = Format.Loss(metric?.Value);
        return
        [
            metric?.Value is not null && metric.Value == best ? $"**{words}**" : words,
            metric?.Interval is { } interval ? $"{Format.Loss(interval.Low)} to {Format.Loss(interval.High)}" : Format.None,
        ];
    }
}
