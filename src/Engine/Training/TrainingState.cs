using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Checkpoints;
using VoxelZoo.Engine.Runs;

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

    public TrainingPosition Position { get; private set; } = new();

    public BestValidation? Best { get; set; }

    /// <summary>Counts a step.</summary>
    public void Stepped(StepOutcome outcome, double seconds) => Position = Position with
    {
        Step = Position.Step + 1,
        StepInEpoch = Position.StepInEpoch + 1,
        LossSum = Position.LossSum + outcome.Loss,
        GradientNormSum = Position.GradientNormSum + outcome.GradientNorm,
        EpochSeconds = Position.EpochSeconds + seconds,
        TrainingSeconds = Position.TrainingSeconds + seconds,
    };

    /// <summary>Closes the epoch and returns its means.</summary>
    public (double Loss, double GradientNorm, double Seconds) EndEpoch()
    {
        var done = Position;
        Position = new TrainingPosition { Step = done.Step, Epoch = done.Epoch + 1, TrainingSeconds = done.TrainingSeconds };
        return (done.LossSum / done.StepInEpoch, done.GradientNormSum / done.StepInEpoch, done.EpochSeconds);
    }

    public string Save(CheckpointStore store, RunFolder run)
    {
        var tensors = _task.Modules.SelectMany(module => module.Components()).ToDictionary();
        return store.Save(tensors, files => new CheckpointManifest
        {
            Position = Position,
            Best = Best,
            Random = CaptureRandom(),
            Experiment = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(run.Experiment))),
            Files = files,
        });
    }

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
        (Position, Best) = (checkpoint.Manifest.Position, checkpoint.Manifest.Best);
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
