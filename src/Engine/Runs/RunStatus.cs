using System.Text.Json.Serialization;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Runs;

/// <summary>How a run stands: <c>status.json</c>.</summary>
public sealed record RunStatus
{
    /// <summary>The state.</summary>
    public required RunState Status { get; init; }

    /// <summary>Epochs done.</summary>
    public int Epoch { get; init; }

    /// <summary>Epochs planned.</summary>
    public int Epochs { get; init; }

    /// <summary>Steps done.</summary>
    public long Step { get; init; }

    /// <summary>The best validation so far, or null.</summary>
    public BestValidation? Best { get; init; }

    /// <summary>The best that was generated while it was trained; missing where nothing was measured.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public BestGeneration? BestGeneration { get; init; }

    /// <summary>Patients that are left out of training and validation; provenance.json names them and says why.</summary>
    public int SkippedPatients { get; init; }

    /// <summary>Steps that the guard skipped, over the whole run.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>How often training went back to a checkpoint.</summary>
    public int Rollbacks { get; init; }

    /// <summary>How often training was started: 1, and one more each time it was continued.</summary>
    public int Segments { get; init; } = 1;

    /// <summary>Checkpoints that could not be written, over the whole run.</summary>
    public int FailedCheckpoints { get; init; }

    /// <summary>Validations whose loss was not finite though the weights were, over the whole run; missing where there were none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int NonFiniteValidations { get; init; }

    /// <summary>The steps of which metrics.jsonl had no whole line when training was continued last, in words, or null.</summary>
    public string? LostSteps { get; init; }

    /// <summary>What went wrong last, or null; of a run that is completed that its last validation was not finite.</summary>
    public string? LastError { get; init; }

    /// <summary>When the run was first started.</summary>
    public DateTimeOffset Started { get; init; }

    /// <summary>When this was written.</summary>
    public DateTimeOffset Updated { get; init; }

    /// <summary>Seconds spent training, over all segments.</summary>
    public double TrainingSeconds { get; init; }
}

/// <summary>States of a run.</summary>
public enum RunState
{
    /// <summary>Training, or killed without a chance to say so.</summary>
    Running,

    /// <summary>All epochs are done.</summary>
    Completed,

    /// <summary>The loss became useless.</summary>
    Diverged,

    /// <summary>Stopped by a signal after writing a checkpoint.</summary>
    TimeLimit,

    /// <summary>Stopped by an error.</summary>
    Failed,

    /// <summary>
    /// Killed without a chance to say so: <c>status.json</c> says <c>running</c>, and no process trains the run. Never in the
    /// file; those who look find it so.
    /// </summary>
    Interrupted,
}
