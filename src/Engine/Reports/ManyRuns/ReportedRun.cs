using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What a run's files say of it. Anything may be missing but its name and its experiment.</summary>
/// <param name="Folder">The run's folder.</param>
/// <param name="File">The experiment's file.</param>
public sealed record ReportedRun([property: JsonIgnore] RunFolder Folder, [property: JsonIgnore] JsonObject File)
{
    /// <summary>The run's name in the report.</summary>
    public required string Name { get; init; }

    /// <summary>What it is a run of.</summary>
    public required ExperimentFacts Experiment { get; init; }

    /// <summary>Settings that differ between the runs of its experiment, <c>training.learning_rate=1</c>.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    /// <summary>How it stands, in the report's words: <c>completed</c>, <c>DIVERGED ep35</c>.</summary>
    public required string State { get; init; }

    /// <summary>Its status, or null.</summary>
    public RunStatus? Status { get; init; }

    /// <summary>Whether a process trains it.</summary>
    public required bool IsTraining { get; init; }

    /// <summary>Mean training loss of the last epoch.</summary>
    public double? TrainingLoss { get; init; }

    /// <summary>Seconds of an epoch, the median.</summary>
    public double? SecondsPerEpoch { get; init; }

    /// <summary>The most memory that its process had, in MiB.</summary>
    public double? PeakMebibytes { get; init; }

    /// <summary>The most GPU memory that was taken, in MiB.</summary>
    public double? DeviceMebibytes { get; init; }

    /// <summary>Jobs on a cluster, or null.</summary>
    public JobChain? Chain { get; init; }

    /// <summary>Checkpoints that were found damaged and set aside.</summary>
    public IReadOnlyList<string> DamagedCheckpoints { get; init; } = [];

    /// <summary>What the course of training says, in sentences.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Evaluation of a denoiser.</summary>
    public EvaluationFile<EvaluationResult>? Evaluation { get; init; }

    /// <summary>Evaluation of a compressor.</summary>
    public EvaluationFile<ReconstructionResult>? Reconstructions { get; init; }

    /// <summary>Where the run's training went back to a checkpoint.</summary>
    public IReadOnlyList<MetricsEntry> Rollbacks { get; init; } = [];

    /// <summary>Its epochs.</summary>
    [JsonIgnore]
    public IReadOnlyList<MetricsEntry> Epochs { get; init; } = [];

    /// <summary>What it was made with, or null.</summary>
    [JsonIgnore]
    public Provenance? Provenance { get; init; }

    /// <summary>The picture of its first sample and what it shows, or null.</summary>
    [JsonIgnore]
    public (string Path, string Caption)? Picture { get; init; }

    /// <summary>Sweeps of its sampler.</summary>
    public IReadOnlyList<SweepFacts> Sweeps { get; init; } = [];
}

/// <summary>Something that went wrong, or that a reader has to know.</summary>
/// <param name="Kind">The heading that it stands under.</param>
/// <param name="Run">The run's name.</param>
/// <param name="Sentence">What happened.</param>
public sealed record Problem(ProblemKind Kind, string Run, string Sentence);

/// <summary>Headings of problems, in the report's order.</summary>
public enum ProblemKind
{
    /// <summary>The run ended by an error.</summary>
    Failed,

    /// <summary>The loss became useless.</summary>
    Diverged,

    /// <summary>Training went back to a checkpoint, or steps were skipped.</summary>
    Unstable,

    /// <summary>The run is marked as running, and nobody trains it.</summary>
    Interrupted,

    /// <summary>It was stopped before its end, or a chain of jobs ended early.</summary>
    TimeLimit,

    /// <summary>Checkpoints could not be written, or were damaged.</summary>
    Checkpoints,

    /// <summary>What a metric says against its own number.</summary>
    Evaluation,

    /// <summary>Files that are missing or cannot be read.</summary>
    Unreadable,
}
