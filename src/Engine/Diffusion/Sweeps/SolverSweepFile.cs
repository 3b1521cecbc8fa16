using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>Outcome of <c>sweep solvers</c>: <c>sweeps/solvers.json</c>.</summary>
public sealed record SolverSweepFile : IVersionedFile
{
    /// <summary>Version of the file's layout that this program writes and reads.</summary>
    public const int CurrentFormat = 1;

    private const string Remedy = "`sweep solvers` makes it anew from the configurations that are done";

    /// <summary>Version of the file's layout.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>The checkpoint, <c>step-XXXXXXXX</c>.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Volumes that each configuration generated.</summary>
    public required int Count { get; init; }

    /// <summary>Seed of their noise.</summary>
    public required long Seed { get; init; }

    /// <summary>The split of the real volumes with which they are compared.</summary>
    public required string Against { get; init; }

    /// <summary>Plugins that are not those that the run was trained with (<c>--allow-changed-plugin</c>); missing where all are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<PluginChange>? ChangedPlugins { get; init; }

    /// <summary>What is known of each configuration, in the order in which they ran: those that take the least time first.</summary>
    public required IReadOnlyList<SweptConfiguration> Configurations { get; init; }

    /// <summary>The configurations, the best by a metric first, and last those of which there is no value.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="order">Which value is better. Default: the smaller one.</param>
    public IReadOnlyList<SweptConfiguration> Ranked(string metric, MetricOrder order = default) =>
    [
        .. Configurations.OrderBy(one => one.Metrics.GetValueOrDefault(metric)?.Value is { } value && double.IsFinite(value)
            ? order.Rank(value)
            : double.PositiveInfinity),
    ];

    /// <summary>Replaces a run's sweep.</summary>
    public void Write(RunFolder run) => AtomicFile.WriteJson(Path(run), this);

    /// <summary>A run's sweep, or null where it has none.</summary>
    /// <exception cref="RunFolderException">The file is damaged, or of another version.</exception>
    public static SolverSweepFile? Read(RunFolder run) => RunFile.ReadJson<SolverSweepFile>(Path(run), CurrentFormat, Remedy);

    private static string Path(RunFolder run) => System.IO.Path.Combine(run.Sweeps, "solvers.json");
}

/// <summary>One configuration of a sampler, and what it costs and is worth.</summary>
public sealed record SweptConfiguration
{
    /// <summary>Its name, such as <c>heun2_10</c> or <c>dopri5_1e-3</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The sampler's id.</summary>
    public required string Sampler { get; init; }

    /// <summary>Steps of a sampler with a fixed number of them; else missing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Steps { get; init; }

    /// <summary>Relative and absolute tolerance of an adaptive one; else missing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Tolerance { get; init; }

    /// <summary>How often the network was called for a volume (NFE), counted, on average.</summary>
    public required double Nfe { get; init; }

    /// <summary>How long a volume took on average, decoding included.</summary>
    public required double SecondsPerVolume { get; init; }

    /// <summary>The metrics by id.</summary>
    public required IReadOnlyDictionary<string, SweptMetric> Metrics { get; init; }
}

/// <summary>A metric of a configuration's volumes.</summary>
public sealed record SweptMetric : OrderedValue
{
    /// <summary>The value, or null where it could not be computed; then <see cref="Warnings"/> say why.</summary>
    public required double? Value { get; init; }

    /// <summary>Where the value would fall with other volumes, or null where the metric does not estimate that.</summary>
    public required MetricInterval? Interval { get; init; }

    /// <summary>What made the features; a network by its file's name and SHA-256.</summary>
    public required string Extractor { get; init; }

    /// <summary>
    /// What the metric took from the real volumes, such as the width of a kernel; the same in all configurations.
    /// Missing where there is no such thing.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Basis { get; init; }

    /// <summary>What a reader must know to trust the number.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
