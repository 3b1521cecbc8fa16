using VoxelZoo.Engine.Checkpoints;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Trains a task into a run folder: epochs, validation, checkpoints, logs. Between two steps everything that matters is in
/// <see cref="TrainingState"/>, so a run that stops there goes on as if it had not.
/// </summary>
public sealed class Trainer : IDisposable
{
    /// <summary>So many checkpoints in a row that could not be written end a run.</summary>
    private const int MaxFailedSaves = 3;

    private readonly TrainingOptions _options;
    private readonly IBatchSource _samples;
    private readonly int _workers;
    private readonly RunFolder _run;
    private readonly TrainingObserver _observer;
    private readonly TrainingTask _task;
    private readonly TrainingState _state;
    private readonly CheckpointStore _checkpoints;
    private readonly int _stepsPerEpoch;
    private int _failedSaves;

    /// <summary>Builds the task and its state.</summary>
    /// <param name="options">How it is trained.</param>
    /// <param name="samples">Samples to train on.</param>
    /// <param name="workers">Batches that are prepared at once.</param>
    /// <param name="run">Where everything is left.</param>
    /// <param name="observer">Is told how it goes.</param>
    /// <param name="task">Builds what is trained; the trainer disposes it.</param>
    public Trainer(TrainingOptions options, IBatchSource samples, int workers, RunFolder run, TrainingObserver observer, Func<TrainingTask> task)
    {
        _stepsPerEpoch = samples.Count / options.BatchSize;
        if (_stepsPerEpoch == 0)
            throw new PlanRefusedException(
                "training", "batch_size", $"batch_size {options.BatchSize} is more than the {samples.Count} volumes of the training split; use a smaller one");

        (_options, _samples, _workers, _run, _observer) = (options, samples, workers, run, observer);
        _checkpoints = new CheckpointStore(run.Checkpoints);
        _task = task();
        _state = new TrainingState(_task, options.Seed);
    }

    private TimeProvider Clock => _task.Context.Clock;

    private bool MustGoBack => _task.Guard?.Incident is not null;

    /// <summary>Trains until the last epoch is done or <paramref name="stop"/> is raised, which takes effect after the step under way.</summary>
    /// <param name="resume">Whether to go on from the latest checkpoint that verifies.</param>
    /// <param name="stop">Asks for a checkpoint and an end.</param>
    /// <returns>The run's last status, as it was written.</returns>
    public RunStatus Run(bool resume, CancellationToken stop)
    {
        if (resume && _checkpoints.Recover("latest", _observer.Warned) is { } checkpoint)
            _state.Load(checkpoint);
        var started = _run.ReadStatus()?.Started ?? Clock.GetUtcNow();
        _observer.Started(new TrainingStart(
            _task.Modules.Sum(module => module.Parameters.Sum(p => p.numel())), _samples.Count, _stepsPerEpoch, _options.Epochs, _state.Position.Step, _task.Context.Device.ToString()));
        WriteStatus(RunState.Running, started);
        RunState? end;
        while ((end = Train(started, stop)) is null)
            GoBack(started);
        return WriteStatus(end.Value, started);
    }

    /// <summary>Writes that the run ended by <paramref name="error"/>.</summary>
    public void Fail(Exception error) =>
        WriteStatus(error is DivergedException ? RunState.Diverged : RunState.Failed, _run.ReadStatus()?.Started ?? Clock.GetUtcNow(), error.Message);

    /// <summary>Trains on from where the state stands.</summary>
    /// <returns>How the run ends, or null where the guard wants to go back to a checkpoint.</returns>
    private RunState? Train(DateTimeOffset started, CancellationToken stop)
    {
        using var log = new TrainingLog(_run, _state.Position.Step, _task.LossName);
        using var loader = new BatchLoader(_samples, _options.BatchSize, _options.Seed, _workers, _state.Position.Epoch, _state.Position.StepInEpoch);
        while (_state.Position.Epoch < _options.Epochs)
        {
            using (var batch = loader.Next())
                Step(batch, log);
            if (!MustGoBack && _state.Position.StepInEpoch == _stepsPerEpoch)
                EndEpoch(log, started, stop);
            else if (!MustGoBack && stop.IsCancellationRequested)
                Save();
            if (MustGoBack)
                return null;
            if (stop.IsCancellationRequested && _state.Position.Epoch < _options.Epochs)
                return RunState.TimeLimit;
        }

        return RunState.Completed;
    }

    private void Step(Batch batch, TrainingLog log)
    {
        var (epoch, skipped) = (_state.Position.Epoch, _task.Guard?.Skipped);
        _task.Guard?.Enter(_task.LossKind(epoch));
        var start = Clock.GetTimestamp();
        var outcome = _task.Step(batch, _state.Position.Step + 1, epoch);
        var seconds = Clock.GetElapsedTime(start).TotalSeconds;
        outcome = outcome with { Skipped = _task.Guard?.Skipped > skipped };
        _state.Stepped(outcome, seconds);
        var facts = new StepFacts(_state.Position.Step, epoch + 1, outcome, LearningRate(epoch), seconds);
        log.Step(facts);
        _observer.Stepped(facts);
    }

    private void EndEpoch(TrainingLog log, DateTimeOffset started, CancellationToken stop)
    {
        var (mean, norm, skipped, seconds) = _state.EndEpoch();
        var epoch = _state.Position.Epoch;
        var last = epoch == _options.Epochs;
        var validation = last || epoch % _options.ValidateEvery == 0 ? _task.Validate() : null;
        // a loss that is not finite would be the best for ever, as nothing is less than it
        var before = _state.Best;
        var best = validation is not null && double.IsFinite(validation.Loss) && (_state.Best is null || validation.Loss < _state.Best.Loss);
        if (best)
            _state.Best = new BestValidation(epoch, validation!.Loss);

        var facts = new EpochFacts(epoch, mean, validation, best, seconds) { Skipped = skipped };
        log.Epoch(facts, _state.Position.Step, LearningRate(epoch - 1), norm);
        _task.Guard?.EndEpoch(mean, validation);
        if (MustGoBack)
            return;
        if (last || stop.IsCancellationRequested)
            Save(best);
        else if (best || _failedSaves > 0 || epoch % _options.CheckpointEvery == 0 || epoch % _options.KeepEvery == 0)
            TrySave(best, before);
        WriteStatus(RunState.Running, started);
        _observer.EpochDone(facts);
    }

    private void Save(bool best = false)
    {
        var name = _state.Save(_checkpoints, _run);
        if (best)
            _checkpoints.Point("best", name);
        _checkpoints.Prune(_options.KeepCheckpoints, (long)_stepsPerEpoch * (_options.KeepEvery ?? 0));
        _failedSaves = 0;
    }

    /// <summary>Saves; where that fails, training goes on and the next epoch tries again, but not for ever.</summary>
    /// <param name="best">Whether it is the best so far.</param>
    /// <param name="before">What was the best before.</param>
    private void TrySave(bool best, BestValidation? before)
    {
        try
        {
            Save(best);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && ++_failedSaves < MaxFailedSaves)
        {
            _state.Best = before; // there has to be a checkpoint of it
            _observer.Warned($"no checkpoint was written after epoch {_state.Position.Epoch} ({e.Message}); trying again after the next one");
        }
    }

    /// <summary>
    /// Goes back to a checkpoint with a smaller learning rate: to the latest one where only steps failed, to the best one where the loss
    /// collapsed, which the latest may have saved, or where going back did not help before.
    /// </summary>
    /// <exception cref="DivergedException">It went back too often, or there is no checkpoint.</exception>
    private void GoBack(DateTimeOffset started)
    {
        const string Remedy = "use a lower learning_rate, a longer warm-up or a smaller gradient_clip_norm";
        var (guard, from) = (_task.Guard!, _state.Position);
        var diverged = $"diverged at epoch {(from.StepInEpoch == 0 ? from.Epoch : from.Epoch + 1)}: {guard.Incident}";
        if (guard.Rollbacks == _options.Guard.MaxRollbacks)
            throw new DivergedException($"{diverged}, and training went back to a checkpoint {guard.Rollbacks} times already; {Remedy}");
        if (_checkpoints.Recover(guard.Collapsed || guard.Rollbacks > 0 ? "best" : "latest", _observer.Warned) is not { } checkpoint)
            throw new DivergedException($"{diverged}, and there is no checkpoint to go back to; {Remedy}");

        _checkpoints.ReturnTo(checkpoint, _state.GoBack(checkpoint));
        TrainingLog.WentBack(_run, from, _state.Position, guard, LearningRate(_state.Position.Epoch));
        WriteStatus(RunState.Running, started, diverged);
        _observer.Warned(FormattableString.Invariant(
            $"{diverged}; going on from {checkpoint.Name} with {guard.LearningRateFactor} of the learning rate ({guard.Rollbacks} of {_options.Guard.MaxRollbacks})"));
    }

    /// <summary>The learning rate that steps of an epoch, from 0, really have.</summary>
    private double LearningRate(int epoch) => _task.LearningRate(epoch) * (_task.Guard?.LearningRateFactor ?? 1);

    private RunStatus WriteStatus(RunState state, DateTimeOffset started, string? error = null)
    {
        var status = new RunStatus
        {
            Status = state,
            Epoch = _state.Position.Epoch,
            Epochs = _options.Epochs,
            Step = _state.Position.Step,
            Best = _state.Best,
            SkippedSteps = _task.Guard?.Skipped ?? 0,
            Rollbacks = _task.Guard?.Rollbacks ?? 0,
            LastError = error,
            Started = started,
            Updated = Clock.GetUtcNow(),
            TrainingSeconds = _state.Position.TrainingSeconds,
        };
        _run.WriteStatus(status);
        return status;
    }

    /// <summary>Frees the task.</summary>
    public void Dispose() => _task.Dispose();
}
