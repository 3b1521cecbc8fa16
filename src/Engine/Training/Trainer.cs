using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Trains a task into a run folder: epochs, validation, checkpoints, logs. Between two steps everything that matters is in
/// <see cref="TrainingState"/>, so a run that stops there goes on as if it had not.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainingOptions _options;
    private readonly IBatchSource _samples;
    private readonly int _workers;
    private readonly RunFolder _run;
    private readonly TrainingObserver _observer;
    private readonly Func<TrainingTask> _build;
    private readonly CheckpointStore _checkpoints;
    private readonly StatusWriter _status;
    private readonly int _stepsPerEpoch;
    private TrainingTask _task;
    private TrainingState _state;
    private BestSoFar _best;
    private CheckpointSaver? _saver;
    private long _ownSteps, _ownMoves, _ownSkips; // of this segment
    private bool _stopping;
    private string? _brokenValidation; // of the last one, or null
    private string? _nonFinite; // what made the first step that was not finite

    /// <summary>Builds the task and its state.</summary>
    /// <param name="options">How it is trained.</param>
    /// <param name="samples">Samples to train on.</param>
    /// <param name="workers">Batches that are prepared at once.</param>
    /// <param name="run">Where everything is left.</param>
    /// <param name="observer">Is told how it goes.</param>
    /// <param name="task">Builds what is trained, alike each time; the trainer disposes it.</param>
    public Trainer(
        TrainingOptions options, IBatchSource samples, int workers, RunFolder run, TrainingObserver observer, Func<TrainingTask> task)
    {
        RequireBatch(options, samples.Count);
        _stepsPerEpoch = samples.Count / options.BatchSize;
        (_options, _samples, _workers, _run, _observer) = (options, samples, workers, run, observer);
        (_checkpoints, _build, _status) =
            (new CheckpointStore(run.Checkpoints), task, new StatusWriter(run, options.Epochs, observer.Warned));
        Build();
    }

    /// <summary>Refuses a training split that is smaller than a batch.</summary>
    /// <exception cref="PlanException">It is.</exception>
    public static void RequireBatch(TrainingOptions options, int volumes)
    {
        if (volumes < options.BatchSize)
            throw new PlanException(
                $"batch_size {options.BatchSize} is more than the {volumes} volumes of the training split; use a smaller one",
                "batch_size").In("training");
    }

    /// <summary>Patients that are not trained on or validated with, because something of theirs is missing.</summary>
    public int SkippedPatients
    {
        get => _status.SkippedPatients;
        init => _status.SkippedPatients = value;
    }

    private TimeProvider Clock => _task.Context.Clock;

    private ICollective Collective => _task.Collective;

    /// <summary>Of several processes, which all know the same, the first one writes.</summary>
    private bool Writes => Collective.IsFirst();

    private bool MustGoBack => _task.Guard?.Incident is not null;

    [MemberNotNull(nameof(_task), nameof(_state), nameof(_best))]
    private void Build()
    {
        _task = _build();
        _state = new TrainingState(_task, _options.Seed);
        _best = new BestSoFar(_state, _observer.Warned);
        _saver = !Writes ? null : new CheckpointSaver(_checkpoints, _run, _state, _options, _stepsPerEpoch, _observer.Warned);
    }

    /// <summary>
    /// Trains until the last epoch is done or <paramref name="stop"/> is raised, which takes effect after the step under way.
    /// </summary>
    /// <param name="resume">Whether to go on from the latest checkpoint that verifies.</param>
    /// <param name="stop">Asks for a checkpoint and an end.</param>
    /// <returns>The run's last status, as it was written.</returns>
    public RunStatus Run(bool resume, CancellationToken stop)
    {
        if (resume)
            Resume();
        _status.Begin(Clock.GetUtcNow());
        _observer.Started(new TrainingStart(
            _task.Modules.Sum(module => module.Parameters.Sum(p => p.numel())), _samples.Count, _stepsPerEpoch, _options.Epochs,
            _state.Position.Step, _task.Context.Device.ToString())
        {
            Modules = _task.Modules,
        });
        WriteStatus(RunState.Running);
        RunState? end;
        while ((end = Train(stop)) is null)
            GoBack();
        return WriteStatus(end.Value, _brokenValidation);
    }

    /// <summary>
    /// The same checkpoint in all processes: the first one looks for it and sets aside what is broken, before the others look.
    /// </summary>
    private Checkpoint? Recover(string pointer)
    {
        var found = Collective.FirstThenOthers(
            () => Writes ? _checkpoints.Recover(pointer, _observer.Warned) : _checkpoints.Open(pointer, _ => { }));
        var names = Collective.Gather(found?.Name ?? "none");
        if (names.Any(name => name != names[0]))
            throw new RunFolderException(
                $"the processes find different checkpoints in {_run.Checkpoints} ({string.Join(", ", names.Distinct())}); "
                + "it has to be a folder that all machines share");
        return found;
    }

    /// <summary>Takes the state of the latest checkpoint; a run that was stopped before its first one begins at the beginning.</summary>
    private void Resume()
    {
        if (Recover("latest") is { } checkpoint)
            _state.Load(checkpoint);
        else if (!_checkpoints.IsEmpty)
            throw _run.WithoutReadable();
        else
            _observer.Warned("the run has no checkpoint yet, so it begins anew");
        if (!Writes)
            return;
        _status.LostSteps = MetricsLog.Gaps(MetricsLog.Read(_run.Metrics), _state.Position.Step);
        if (_status.LostSteps is { } lost)
            _observer.Warned(MetricsLog.Lost(_run.Metrics, lost));
    }

    /// <summary>
    /// Writes that the run ended by <paramref name="error"/>, which is what has to be told also where that cannot be written.
    /// </summary>
    public void Fail(Exception error)
    {
        try
        {
            WriteStatus(error is DivergedException ? RunState.Diverged : RunState.Failed, error.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _observer.Warned($"that the run failed is not in its status: {e.Message}");
        }
    }

    /// <summary>Trains on from where the state stands.</summary>
    /// <returns>How the run ends, or null where the guard wants to go back to a checkpoint.</returns>
    private RunState? Train(CancellationToken stop)
    {
        using var log = Writes ? new TrainingLog(_run, _state.Position, _task.LossName, _task.Context, _observer.Warned) : null;
        using var loader = new BatchLoader(
            _samples, _options.BatchSize, _options.Seed, _workers, _state.Position.Epoch, _state.Position.StepInEpoch, _task.Share);
        while (_state.Position.Epoch < _options.Epochs)
        {
            using (var batch = loader.Next())
                Step(batch, log);
            _stopping = Collective.Any(stop.IsCancellationRequested);
            if (!MustGoBack && _state.Position.StepInEpoch == _stepsPerEpoch)
                EndEpoch(log, stop);
            else if (!MustGoBack && _stopping)
                Stop();
            if (MustGoBack)
                return null;
            if (_stopping && _state.Position.Epoch < _options.Epochs)
                return RunState.TimeLimit;
        }

        if (_task.NonFiniteWeights() is { } broken)
            throw NotFinite(broken);
        if (_state.Position is { MovedSteps: 0, Step: > 0 and var all })
            throw NothingLearned($"{all} steps", _task.Guard is { Skipped: > 0 });
        if (_ownMoves == 0 && _ownSteps >= _stepsPerEpoch)
            throw NothingLearned($"{_ownSteps} steps since the run went on", _ownSkips > 0);
        return RunState.Completed;
    }

    /// <summary>Keeps where a training stands that is to stop, unless that is of no use.</summary>
    private void Stop()
    {
        JudgeFinite();
        if (!MustGoBack)
            _saver?.Save();
    }

    /// <summary>
    /// Has training go back where the weights are not finite, or no longer make a loss that is: no checkpoint is to hold them. A loss that
    /// never was finite may be that of a validation which cannot be computed.
    /// </summary>
    /// <exception cref="DivergedException">The weights are not finite, and no guard is there to go back.</exception>
    private void JudgeFinite(Validation? validation = null)
    {
        var broken = _task.NonFiniteWeights();
        var why = broken ?? (validation is { Loss: var loss } && !double.IsFinite(loss) && _state.Best is { } best
            ? FormattableString.Invariant($"the validation loss is {loss}, after {best.Loss:G4} in epoch {best.Epoch}")
            : null);
        if (why is not null && _task.Guard is { } guard)
            guard.GiveUp(why);
        else if (broken is not null)
            throw NotFinite(broken);
    }

    private DivergedException NotFinite(string weights) => new(
        $"{weights} after step {_state.Position.Step}; "
        + $"{_nonFinite ?? "use a lower learning_rate, a longer warm-up or a smaller gradient_clip_norm"}");

    /// <summary>
    /// The end of a training in which every step was skipped, or had no gradient to follow: its weights are those of before.
    /// </summary>
    private NothingLearnedException NothingLearned(string steps, bool skipped)
    {
        var why = skipped ? "the guard skipped them" : "the gradient was zero";
        var remedy = _nonFinite ?? (skipped
            ? "see metrics.jsonl for their losses, and use a lower learning_rate, a longer warm-up or other data"
            : "the loss does not depend on the weights, as of a network that ignores them");
        return new NothingLearnedException($"none of the {steps} moved a weight, because {why}: nothing was learned; {remedy}");
    }

    private void Step(Batch batch, TrainingLog? log)
    {
        if (!Writes)
            _state.SeedLayers(_options.Seed, Collective.Rank);
        batch.Shorten(Collective.Min(batch.RealSlices.Min()));
        var (epoch, skipped, moves) = (_state.Position.Epoch, _task.Guard?.Skipped, _task.Moves);
        _task.Guard?.Enter(_task.LossKind(epoch));
        _task.Times.Begin();
        var start = Clock.GetTimestamp();
        var outcome = Outcome(batch, epoch);
        var seconds = Clock.GetElapsedTime(start).TotalSeconds;
        outcome = outcome with { Skipped = _task.Guard?.Skipped > skipped, Moved = _task.Moves > moves };
        _state.Stepped(outcome, seconds);
        (_ownSteps, _ownMoves, _ownSkips) = (_ownSteps + 1, _ownMoves + (outcome.Moved ? 1 : 0), _ownSkips + (outcome.Skipped ? 1 : 0));
        var facts = new StepFacts(_state.Position.Step, epoch + 1, outcome, LearningRate(epoch), seconds)
        {
            BackwardSeconds = _task.Times.Backward, OptimizerSeconds = _task.Times.Optimizer,
        };
        log?.Step(facts);
        _observer.Stepped(facts);
    }

    /// <summary>
    /// Takes the step. The first one that is not finite is looked into, which is worth the time: most often it is not the last.
    /// </summary>
    private StepOutcome Outcome(Batch batch, int epoch)
    {
        var step = _state.Position.Step + 1;
        try
        {
            var outcome = _task.Step(batch, step, epoch);
            if (!double.IsFinite(outcome.Loss) || !double.IsFinite(outcome.GradientNorm))
                _nonFinite ??= $"at step {step}, {_task.CauseOfNonFinite(batch, step)}";
            return outcome;
        }
        catch (DivergedException e)
        {
            throw new DivergedException($"{e.Message}: {_task.CauseOfNonFinite(batch, step)}");
        }
    }

    private void EndEpoch(TrainingLog? log, CancellationToken stop)
    {
        _saver?.Settle(wait: false);
        var (mean, norm, skipped, seconds) = _state.EndEpoch();
        var epoch = _state.Position.Epoch;
        var last = epoch == _options.Epochs;
        var validation = last || epoch % _options.ValidateEvery == 0 ? _task.Validate() : null;
        if (validation is not null)
            _saver?.Settle(wait: true); // a save that failed changes which validation is the best
        var before = _state.Best;
        var best = validation is not null && _best.Take(epoch, validation);
        var generation = Generation(epoch, last);
        var generationBefore = _state.BestGeneration;
        var bestGeneration = generation is not null && _best.Take(epoch, generation);
        var facts = new EpochFacts(epoch, mean, validation, best, seconds)
        {
            Skipped = skipped, CheckpointSeconds = _saver?.TakeHeldSeconds() ?? 0, Generation = generation,
            IsBestGeneration = bestGeneration,
        };
        log?.Epoch(facts, _state.Position.Step, LearningRate(epoch - 1), norm);
        if (validation is not null)
            _task.Plateau?.Observe(validation.Loss);
        _task.Guard?.EndEpoch(mean, validation);
        JudgeFinite(validation);
        if (MustGoBack)
            return;
        Heed(validation);
        _stopping = Collective.Any(stop.IsCancellationRequested);
        if (last || _stopping)
            _saver?.Save(best, bestGeneration);
        else if (best || bestGeneration || _saver is { HasFailed: true }
            || epoch % _options.CheckpointEvery == 0 || epoch % _options.KeepEvery == 0)
            _saver?.Begin(best, before, bestGeneration, generationBefore);
        WriteStatus(RunState.Running);
        _observer.EpochDone(facts);
    }

    /// <summary>Says of a validation that is not finite, though the weights are, that nothing is known of them.</summary>
    private void Heed(Validation? validation)
    {
        if (validation is null)
            return;
        var isFirst = _brokenValidation is null;
        _brokenValidation = double.IsFinite(validation.Loss) ? null : FormattableString.Invariant(
            $"the validation loss of epoch {_state.Position.Epoch} is {validation.Loss}, though all weights are finite: nothing says how ")
            + "good they are; see what differs from training, such as the volumes of val or a network that behaves otherwise in eval mode";
        if (_brokenValidation is null)
            return;
        _status.NonFiniteValidations++;
        if (isFirst)
            _observer.Warned(_brokenValidation);
    }

    /// <summary>What the model generates, where it is its turn. A loss that is not finite comes of weights that generate nothing.</summary>
    private GenerationMeasures? Generation(int epoch, bool last)
    {
        if (_task.GenerateEvery == 0 || !(last || epoch % _task.GenerateEvery == 0))
            return null;
        _saver?.Settle(wait: true); // a save that failed changes what is the best
        return _task.MeasureGeneration(epoch, _observer.Warned);
    }

    /// <summary>
    /// Goes back to a checkpoint with a smaller learning rate: to the latest one where only steps failed, to the best one where the loss
    /// collapsed, which the latest may have saved, or where going back did not help before. Where there is none it begins again.
    /// </summary>
    /// <exception cref="DivergedException">It went back too often.</exception>
    private void GoBack()
    {
        _saver?.Settle(wait: true);
        var remedy = _nonFinite ?? "use a lower learning_rate, a longer warm-up or a smaller gradient_clip_norm";
        var (guard, from) = (_task.Guard!, _state.Position);
        var diverged = $"diverged at epoch {(from.StepInEpoch == 0 ? from.Epoch : from.Epoch + 1)}: {guard.Incident}";
        if (guard.Rollbacks == _options.Guard.MaxRollbacks)
            throw new DivergedException($"{diverged}, and training went back to a checkpoint {guard.Rollbacks} times already; {remedy}");
        var checkpoint = Recover(guard.Collapsed || guard.Rollbacks > 0 ? "best" : "latest");
        if (checkpoint is null)
            BeginAgain();
        else
            GoBackTo(checkpoint);
        guard = _task.Guard!;
        Collective.ByFirst(
            () => TrainingLog.WentBack(_run, from, _state.Position, guard, LearningRate(_state.Position.Epoch), _observer.Warned));
        WriteStatus(RunState.Running, diverged);
        _observer.Warned(string.Create(
            CultureInfo.InvariantCulture,
            $"{diverged}; going on from {checkpoint?.Name ?? "the beginning"} with {guard.LearningRateFactor} of the learning rate "
            + $"({guard.Rollbacks} of {_options.Guard.MaxRollbacks})"));
    }

    private void GoBackTo(Checkpoint checkpoint)
    {
        var manifest = _state.GoBack(checkpoint);
        if (Writes && _checkpoints.IsLater(EvaluatedOptions.BestGeneration, checkpoint))
        {
            // what generated best goes with the later checkpoints, and what did before it was removed long ago
            _state.BestGeneration = null;
            manifest = manifest with { BestGeneration = null };
        }

        Collective.ByFirst(() => _checkpoints.ReturnTo(checkpoint, manifest));
    }

    /// <summary>
    /// Builds all anew, with the weights and the random numbers that the seed gave it at first, and keeps that as a checkpoint: whoever
    /// resumes the run has to know of the smaller learning rate.
    /// </summary>
    private void BeginAgain()
    {
        var (guard, seconds, random) = (_task.Guard!.State, _state.Position.TrainingSeconds, _task.Context.Random);
        _status.FailedCheckpoints += _saver?.FailedSaves ?? 0;
        Dispose();
        random.Restore(new Dictionary<string, byte[]>());
        Build();
        _state.BeginAgain(guard, seconds);
        _saver?.Save();
    }

    /// <summary>The learning rate that steps of an epoch, from 0, really have.</summary>
    private double LearningRate(int epoch) => _task.LearningRate(epoch) * (_task.Guard?.LearningRateFactor ?? 1);

    private RunStatus WriteStatus(RunState state, string? error = null)
    {
        var status = _status.Of(state, _state, _task.Guard, _saver?.FailedSaves ?? 0, Clock.GetUtcNow()) with { LastError = error };
        if (Writes)
            _status.Write(status);
        return status;
    }

    /// <summary>Waits for a checkpoint that is being written, and frees the task.</summary>
    public void Dispose()
    {
        _saver?.Dispose();
        _task.Dispose();
    }
}
