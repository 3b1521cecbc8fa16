using System.Diagnostics;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Saves a run's state while training goes on: a save copies the state, and a thread writes the copy. One is written at a time. A save
/// that fails is told at the next occasion and tried again by waiting for it, but not for ever.
/// </summary>
/// <param name="store">Where to.</param>
/// <param name="run">The run that is trained.</param>
/// <param name="state">What is saved.</param>
/// <param name="options">How many checkpoints are kept.</param>
/// <param name="stepsPerEpoch">Steps of an epoch.</param>
/// <param name="warn">Is told of a save that failed and will be tried again.</param>
internal sealed class CheckpointSaver(
    CheckpointStore store, RunFolder run, TrainingState state, TrainingOptions options, int stepsPerEpoch, Action<string> warn)
        : IDisposable
{
    /// <summary>So many saves in a row that failed end a run.</summary>
    public const int MaxFailures = 3;

    private readonly Stopwatch _held = new();
    private Task? _writing; // null where the outcome of the last one is known
    private (int Epoch, BestValidation? Best, BestValidation? Before, BestGeneration? Generation, BestGeneration? GenerationBefore) _saved;
    private int _failures;

    /// <summary>Whether the last save is known to have failed, so that the next epoch has to try again.</summary>
    public bool HasFailed => _failures > 0;

    /// <summary>Saves that are known to have failed.</summary>
    public int FailedSaves { get; private set; }

    /// <summary>Saves the state, and returns as soon as it is copied; only a save that repeats a failed one is waited for.</summary>
    /// <param name="best">Whether it is the best so far.</param>
    /// <param name="before">What was the best before.</param>
    /// <param name="bestGeneration">Whether what it generates is the best so far.</param>
    /// <param name="generationBefore">What was the best before of that.</param>
    /// <exception cref="IOException">Too many saves in a row failed.</exception>
    public void Begin(bool best, BestValidation? before, bool bestGeneration = false, BestGeneration? generationBefore = null)
    {
        Start(best, before, bestGeneration, generationBefore);
        if (HasFailed)
            Settle(wait: true);
    }

    /// <summary>Saves the state and waits until it is on the disk.</summary>
    /// <param name="best">Whether it is the best so far.</param>
    /// <param name="bestGeneration">Whether what it generates is the best so far.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(bool best = false, bool bestGeneration = false)
    {
        Start(best, state.Best, bestGeneration, state.BestGeneration);
        Hold(Finish);
    }

    /// <summary>
    /// Takes notice of how the last save ended. Where it failed, its validation is not the best any more, as there has
    /// to be a checkpoint of that.
    /// </summary>
    /// <param name="wait">Whether to wait for its end.</param>
    /// <exception cref="IOException">Too many saves in a row failed.</exception>
    public void Settle(bool wait)
    {
        if (_writing is null || (!wait && !_writing.IsCompleted))
            return;
        try
        {
            Hold(Finish);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && ++_failures < MaxFailures)
        {
            if (state.Best == _saved.Best)
                state.Best = _saved.Before;
            if (state.BestGeneration == _saved.Generation)
                state.BestGeneration = _saved.GenerationBefore;
            warn($"no checkpoint was written after epoch {_saved.Epoch} ({e.Message}); trying again after the next one");
        }
    }

    /// <summary>Seconds for which saves held training up since this was asked last.</summary>
    public double TakeHeldSeconds()
    {
        var seconds = _held.Elapsed.TotalSeconds;
        _held.Reset();
        return seconds;
    }

    /// <summary>Waits for the save under way, whatever becomes of it.</summary>
    public void Dispose() => _writing?.ContinueWith(_ => { }, TaskScheduler.Default).Wait();

    private void Start(bool best, BestValidation? before, bool bestGeneration, BestGeneration? generationBefore)
    {
        Settle(wait: true);
        Hold(() =>
        {
            var snapshot = state.Snapshot(run);
            _saved = (snapshot.Position.Epoch, state.Best, before, state.BestGeneration, generationBefore);
            _writing = Task.Factory.StartNew(
                () => Write(snapshot, best, bestGeneration),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
        });
    }

    private void Finish()
    {
        var writing = _writing!;
        try
        {
            writing.GetAwaiter().GetResult();
            _failures = 0;
        }
        catch
        {
            FailedSaves++;
            throw;
        }
        finally
        {
            _writing = null;
        }
    }

    private void Write(CheckpointSnapshot snapshot, bool best, bool bestGeneration)
    {
        using (snapshot)
        {
            var name = snapshot.Write(store);
            if (best)
                store.Point("best", name);
            if (bestGeneration)
                store.Point(EvaluatedOptions.BestGeneration, name);
            store.Prune(options.KeepCheckpoints, (long)stepsPerEpoch * (options.KeepEvery ?? 0));
        }
    }

    private void Hold(Action action)
    {
        _held.Start();
        try
        {
            action();
        }
        finally
        {
            _held.Stop();
        }
    }
}
