using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>Writes how a run stands, and keeps what of that no checkpoint has.</summary>
/// <param name="run">The run.</param>
/// <param name="epochs">Epochs planned.</param>
/// <param name="warn">Is told what cannot be written.</param>
internal sealed class StatusWriter(RunFolder run, int epochs, Action<string> warn)
{
    private DateTimeOffset? _started;
    private int _segments = 1, _failed; // how often in a row the status was not written

    /// <summary>Patients that are left out.</summary>
    public int SkippedPatients { get; set; }

    /// <summary>Checkpoints that were not written before the saver of now.</summary>
    public int FailedCheckpoints { get; set; }

    /// <summary>Validations that were not finite.</summary>
    public int NonFiniteValidations { get; set; }

    /// <summary>Steps that the log has no line of, in words, or null.</summary>
    public string? LostSteps { get; set; }

    /// <summary>Begins a segment, the first one or another one of a run that has a status.</summary>
    /// <param name="now">The time.</param>
    public void Begin(DateTimeOffset now)
    {
        var before = run.ReadStatus();
        _started = before?.Started ?? now;
        (_segments, FailedCheckpoints) = (1 + (before?.Segments ?? 0), before?.FailedCheckpoints ?? 0);
        NonFiniteValidations = before?.NonFiniteValidations ?? 0;
    }

    /// <summary>How the run stands.</summary>
    /// <param name="state">In a word.</param>
    /// <param name="training">How far it is.</param>
    /// <param name="guard">What watches over it, or null.</param>
    /// <param name="failedSaves">Checkpoints that the saver of now did not write.</param>
    /// <param name="now">The time.</param>
    public RunStatus Of(RunState state, TrainingState training, TrainingGuard? guard, int failedSaves, DateTimeOffset now) => new()
    {
        Status = state,
        Epoch = training.Position.Epoch,
        Epochs = epochs,
        Step = training.Position.Step,
        Best = training.Best,
        BestGeneration = training.BestGeneration,
        SkippedPatients = SkippedPatients,
        SkippedSteps = guard?.Skipped ?? 0,
        Rollbacks = guard?.Rollbacks ?? 0,
        Segments = _segments,
        FailedCheckpoints = FailedCheckpoints + failedSaves,
        NonFiniteValidations = NonFiniteValidations,
        LostSteps = LostSteps,
        Started = _started ?? run.ReadStatus()?.Started ?? now,
        Updated = now,
        TrainingSeconds = training.Position.TrainingSeconds,
    };

    /// <summary>
    /// Writes the status. One that is written while training goes on may fail as often as a checkpoint: the
    /// next one says the same and more.
    /// </summary>
    public void Write(RunStatus status)
    {
        try
        {
            run.WriteStatus(status);
            _failed = 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            && status.Status == RunState.Running && ++_failed < CheckpointSaver.MaxFailures)
        {
            warn($"the status was not written after step {status.Step} ({e.Message}); trying again after the next epoch");
        }
    }
}
