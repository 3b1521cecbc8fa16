using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>Everything that one training step hands to the next: weights, moments, averages, random streams, position.</summary>
internal sealed class TrainingState
{
    private const string Layers = "layers"; // torch's global generator, from which layers draw
    private readonly TrainingTask _task;

    public TrainingState(TrainingTask task, long seed)
    {
        _task = task;
        torch.random.manual_seed(RandomStreams.SeedOf(seed, Layers));
    }

    public TrainingPosition Position { get; private set; } = new() { MovedSteps = 0 };

    public BestValidation? Best { get; set; }

    public BestGeneration? BestGeneration { get; set; }

    /// <summary>
    /// Before a step of a process that is not the first: its layers draw from a generator that depends on step and process alone, so that
    /// they draw other numbers than those of the first process, and a checkpoint needs only the state of that one.
    /// </summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="rank">The process.</param>
    public void SeedLayers(long seed, int rank) => torch.random.manual_seed(RandomStreams.SeedOf(seed, $"{Layers}/{rank}/{Position.Step}"));

    /// <summary>Counts a step.</summary>
    public void Stepped(StepOutcome outcome, double seconds)
    {
        var finite = double.IsFinite(outcome.Loss) && double.IsFinite(outcome.GradientNorm);
        Position = Position with
        {
            Step = Position.Step + 1,
            MovedSteps = Position.MovedSteps + (outcome.Moved ? 1 : 0),
            StepInEpoch = Position.StepInEpoch + 1,
            LossSum = Position.LossSum + (finite ? outcome.Loss : 0),
            GradientNormSum = Position.GradientNormSum + (finite ? outcome.GradientNorm : 0),
            SkippedInEpoch = Position.SkippedInEpoch + (outcome.Skipped ? 1 : 0),
            NonFiniteInEpoch = Position.NonFiniteInEpoch + (finite ? 0 : 1),
            EpochSeconds = Position.EpochSeconds + seconds,
            TrainingSeconds = Position.TrainingSeconds + seconds,
        };
    }

    /// <summary>Closes the epoch and returns its means.</summary>
    public (double Loss, double GradientNorm, int Skipped, double Seconds) EndEpoch()
    {
        var done = Position;
        Position = new TrainingPosition
        {
            Step = done.Step,
            Epoch = done.Epoch + 1,
            MovedSteps = done.MovedSteps,
            TrainingSeconds = done.TrainingSeconds,
        };
        var measured = done.StepInEpoch - done.NonFiniteInEpoch;
        return (done.LossSum / measured, done.GradientNormSum / measured, done.SkippedInEpoch, done.EpochSeconds);
    }

    /// <summary>Copies all of it, so that it can be written while training goes on; the caller disposes the copy.</summary>
    /// <param name="run">The run, whose experiment the checkpoint names.</param>
    public CheckpointSnapshot Snapshot(RunFolder run) => new(
        _task.Modules.SelectMany(module => module.Components()),
        new CheckpointManifest
        {
            Position = Position,
            Best = Best,
            BestGeneration = BestGeneration,
            Guard = _task.Guard?.State,
            Plateau = _task.Plateau?.State,
            Random = CaptureRandom(),
            Experiment = ExperimentSeal.HashOf(run),
            Files = new Dictionary<string, FileFacts>(),
        });

    public void Load(Checkpoint checkpoint)
    {
        foreach (var module in _task.Modules)
            module.Load(checkpoint);
        var random = checkpoint.Manifest.Random.ToDictionary();
        if (random.Remove(Layers, out var layers))
        {
            using var state = torch.tensor(layers);
            torch.random.set_rng_state(state);
        }

        _task.Context.Random.Restore(random);
        (Position, Best, BestGeneration) = (checkpoint.Manifest.Position, checkpoint.Manifest.Best, checkpoint.Manifest.BestGeneration);
        _task.Guard?.Restore(checkpoint.Manifest.Guard);
        _task.Plateau?.Restore(checkpoint.Manifest.Plateau);
    }

    /// <summary>Goes back to a checkpoint, all but the time that was spent and what the guard counts.</summary>
    /// <returns>The checkpoint's manifest as it has to be for a run that continues from it to know of this.</returns>
    public CheckpointManifest GoBack(Checkpoint checkpoint)
    {
        var (guard, seconds) = (_task.Guard!.State, Position.TrainingSeconds);
        Load(checkpoint);
        Position = Position with { TrainingSeconds = seconds };
        _task.Guard.Restore(guard);
        _task.Guard.GoBack(checkpoint.Manifest.Guard);
        return checkpoint.Manifest with { Position = Position, Guard = _task.Guard.State };
    }

    /// <summary>Takes over what a state before this one has spent, as training begins again with a smaller learning rate.</summary>
    /// <param name="guard">What its guard remembers.</param>
    /// <param name="trainingSeconds">Its time.</param>
    public void BeginAgain(GuardState guard, double trainingSeconds)
    {
        Position = new TrainingPosition { MovedSteps = 0, TrainingSeconds = trainingSeconds };
        _task.Guard!.Restore(guard);
        _task.Guard.GoBack(null);
    }

    private SortedDictionary<string, byte[]> CaptureRandom()
    {
        using var layers = torch.random.get_rng_state();
        return new SortedDictionary<string, byte[]>(_task.Context.Random.Capture().ToDictionary(), StringComparer.Ordinal)
        {
            [Layers] = layers.data<byte>().ToArray(),
        };
    }
}
