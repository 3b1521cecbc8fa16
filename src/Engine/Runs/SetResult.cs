using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Runs;

/// <summary>Quality of the volumes that a checkpoint generated, as sets.</summary>
public sealed record SetResult
{
    /// <summary>The names by which the checkpoint was asked for.</summary>
    public IReadOnlyList<string> Checkpoints { get; init; } = [];

    /// <summary>The checkpoint, <c>step-XXXXXXXX</c>.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>SHA-256 of the file of weights.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>Where the volumes are from: <c>samples</c>, the run's folder, or <c>generate</c>, made for the evaluation.</summary>
    public required string Source { get; init; }

    /// <summary>How many they are.</summary>
    public required int Volumes { get; init; }

    /// <summary>The sampler's id.</summary>
    public required string Sampler { get; init; }

    /// <summary>How often the network was called for a volume (NFE), on average.</summary>
    public required double FunctionEvaluations { get; init; }

    /// <summary>Strength of guidance; 1 is none.</summary>
    public required double Guidance { get; init; }

    /// <summary>
    /// What guidance was beside its strength, by the keys of <c>sampling</c>; missing where it was no more, and in
    /// files of before this was written.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonObject? GuidanceOptions { get; init; }

    /// <summary>
    /// SHA-256 of the weights of the weaker model that they were guided away from; missing where they were guided
    /// without one, or not at all.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? WeakerSha256 { get; init; }

    /// <summary>r of the time shift; missing where there was none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TimeShift { get; init; }

    /// <summary>
    /// How it was guided and its times shifted, for people: <c>guidance 3 (guidance_end 1, guidance_schedule linear), time_shift 2</c>.
    /// </summary>
    [JsonIgnore]
    public string GuidanceWords => FormattableString.Invariant($"guidance {Guidance:G4}")
        + (GuidanceOptions is { Count: > 0 } options
            ? $" ({string.Join(", ", options.Select(option => $"{option.Key} {option.Value?.ToJsonString().Trim('"')}"))})"
            : "")
        + (WeakerSha256 is { } weaker ? $" away from the weaker model {weaker[..12]}" : "")
        + (TimeShift is { } shift ? FormattableString.Invariant($", time_shift {shift:G4}") : "");

    /// <summary>Seed of the noise.</summary>
    public required long Seed { get; init; }

    /// <summary>Each metric against each set of real volumes.</summary>
    public required IReadOnlyList<SetQuality> Metrics { get; init; }

    /// <summary>The tumours of generated masks; missing where no mask is generated.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MaskQuality? Masks { get; init; }
}

/// <summary>What the tumours of generated masks are like.</summary>
public sealed record MaskQuality
{
    /// <summary>What <see cref="Measures"/> calls the share of masks that have what was asked for.</summary>
    public const string Exact = "masks with the tumours that were asked for, share";

    /// <summary>How well they keep to the numbers that were asked for; missing where none were.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SizeBinAdherence? Adherence { get; init; }

    /// <summary>Masks without a tumour.</summary>
    public required int Empty { get; init; }

    /// <summary>Distances from the tumours of each set of real masks.</summary>
    public required IReadOnlyList<TumourDistances> Distances { get; init; }

    /// <summary>All of it but the distances, by name.</summary>
    [JsonIgnore]
    public IEnumerable<(string Name, double Value)> Measures =>
    [
        ("masks without a tumour", Empty),
        .. Adherence is not { } adherence
            ? []
            : ((string, double)[])
            [
                (Exact, adherence.Exact), ("bins with them, share", adherence.ExactBins),
                ("mean absolute error of a bin", adherence.MeanAbsoluteError),
                ("rank correlation of asked for and found", adherence.Spearman),
            ],
    ];
}

/// <summary>A metric of generated volumes against the real ones of a split.</summary>
public sealed record SetQuality : OrderedValue
{
    /// <summary>The metric's id.</summary>
    public required string Metric { get; init; }

    /// <summary>The split of real volumes that stand in the place of generated ones, of a floor; missing of generated ones.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Of { get; init; }

    /// <summary>The split of the real volumes, or <c>all</c>: those of all splits, each patient once.</summary>
    public required string Against { get; init; }

    /// <summary>Real volumes in it.</summary>
    public required int RealVolumes { get; init; }

    /// <summary>The value, or null where it could not be computed; then <see cref="Warnings"/> say why.</summary>
    public required double? Value { get; init; }

    /// <summary>Where the value would fall with other volumes.</summary>
    public MetricInterval? Interval { get; init; }

    /// <summary>Further numbers.</summary>
    public IReadOnlyDictionary<string, double> Details { get; init; } = new Dictionary<string, double>();

    /// <summary>
    /// What the metric took from the real volumes, such as the width of a kernel: only values that have it in common can be compared.
    /// Missing where there is no such thing.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Basis { get; init; }

    /// <summary>The metric's id, and its <see cref="Basis"/> where there is one.</summary>
    [JsonIgnore]
    public string MetricWithBasis => Basis is null ? Metric : $"{Metric} ({Basis})";

    /// <summary>What made the features; a network by its file's name and SHA-256.</summary>
    public required string Extractor { get; init; }

    /// <summary>What a reader must know to trust the number.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
