using System.Text.Json.Serialization;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Runs;

/// <summary>Outcome of <c>evaluate</c>: <c>evaluation.json</c>, of either kind of experiment.</summary>
public abstract record EvaluationFile;

/// <inheritdoc/>
/// <typeparam name="TResult">What is known of one checkpoint on one split.</typeparam>
public sealed record EvaluationFile<TResult> : EvaluationFile, IVersionedFile
    where TResult : CheckpointResult
{
    /// <summary>Version of the file's layout that this program writes and reads.</summary>
    public const int CurrentFormat = 2;

    private const string Remedy = "`evaluate` makes it anew";

    /// <summary>Version of the file's layout.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>One entry for each checkpoint and split, in the order in which they were asked for.</summary>
    public required IReadOnlyList<TResult> Results { get; init; }

    /// <summary>Quality of generated volumes, an entry for each checkpoint that has some; missing where no metric compares sets.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<SetResult>? Generated { get; init; }

    /// <summary>Metrics that were asked for and not computed, because their files are not there; missing where there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<LeftOutMetric>? LeftOut { get; init; }

    /// <summary>
    /// The metrics of sets with real volumes of another split in the place of generated ones: what generated ones cannot be expected to
    /// fall below. Missing where it was not asked for.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<SetQuality>? Floor { get; init; }

    /// <summary>Plugins that are not those that the run was trained with (<c>--allow-changed-plugin</c>); missing where all are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<PluginChange>? ChangedPlugins { get; init; }

    /// <summary>The entry of a checkpoint on a split, or null where that was not evaluated.</summary>
    /// <param name="checkpoint"><c>best</c> or <c>latest</c>.</param>
    /// <param name="split">The split.</param>
    public TResult? Find(string checkpoint, string split) =>
        Results.FirstOrDefault(result => result.Checkpoints.Contains(checkpoint) && result.Split == split);

    /// <summary>Replaces a run's evaluation.</summary>
    public void Write(RunFolder run) => AtomicFile.WriteJson(run.Evaluation, this);

    /// <summary>A run's evaluation, or null where it was not evaluated.</summary>
    /// <exception cref="RunFolderException">The file is damaged, or of another version.</exception>
    public static EvaluationFile<TResult>? Read(RunFolder run) =>
        RunFile.ReadJson<EvaluationFile<TResult>>(run.Evaluation, CurrentFormat, Remedy);
}

/// <summary>What is known of one checkpoint on one split.</summary>
public abstract record CheckpointResult
{
    /// <summary>The names by which the checkpoint was asked for: <c>best</c>, <c>latest</c>, or both where they are the same.</summary>
    [JsonPropertyOrder(-1)] // before what a derived record adds
    public IReadOnlyList<string> Checkpoints { get; init; } = [];

    /// <summary>The checkpoint, <c>step-XXXXXXXX</c>.</summary>
    [JsonPropertyOrder(-1)]
    public required string Checkpoint { get; init; }

    /// <summary>The component that was evaluated, such as <c>ema</c>.</summary>
    [JsonPropertyOrder(-1)]
    public required string Weights { get; init; }

    /// <summary>SHA-256 of the file of weights.</summary>
    [JsonPropertyOrder(-1)]
    public required string WeightsSha256 { get; init; }

    /// <summary>The split.</summary>
    [JsonPropertyOrder(-1)]
    public required string Split { get; init; }

    /// <summary>Volumes in it.</summary>
    [JsonPropertyOrder(-1)]
    public required int Volumes { get; init; }

    /// <summary>Mean loss.</summary>
    [JsonPropertyOrder(-1)]
    public required double Loss { get; init; }

    /// <summary>Metrics without a value, a sentence each that says why.</summary>
    [JsonIgnore]
    public abstract IEnumerable<string> Undefined { get; }

    /// <summary>For people: <c>best = latest on test</c>.</summary>
    [JsonIgnore]
    public string Title => $"{string.Join(" = ", Checkpoints.DefaultIfEmpty(Checkpoint))} on {Split}";
}
