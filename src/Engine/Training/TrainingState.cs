using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Checkpoints;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>Everything that one training step hands to the next: weights, moments, average, random streams, position.</summary>
internal sealed class TrainingState : IDisposable
{
    private const string Layers = "layers"; // torch's global generator, from which layers draw
    private readonly DiffusionModel _model;

    public TrainingState(ExperimentPlan plan, DiffusionModel model)
    {
        _model = model;
        var options = plan.Training;
        var named = model.Denoiser.named_parameters().ToArray();
        Parameters = [.. named.Select(p => p.parameter)];
        Optimizer = new FusedAdamW(named, new AdamWOptions
        {
            LearningRate = options.LearningRate,
            Beta1 = options.Beta1,
            Beta2 = options.Beta2,
            WeightDecay = options.WeightDecay,
        });
        if (options.Ema is { } ema)
            Average = new ExponentialMovingAverage(model.Denoiser, new ExponentialMovingAverageOptions { Beta = ema.Decay, UpdateAfterStep = ema.UpdateAfter, UpdateEvery = ema.UpdateEvery });
        torch.random.manual_seed(RandomStreams.SeedOf(options.Seed, Layers));
    }

    public TrainingPosition Position { get; private set; } = new();

    public BestValidation? Best { get; set; }

    public IReadOnlyList<TorchSharp.Modules.Parameter> Parameters { get; }

    public FusedAdamW Optimizer { get; }

    public ExponentialMovingAverage? Average { get; }

    /// <summary>Counts a step.</summary>
    public void Stepped(double loss, double gradientNorm, double seconds) => Position = Position with
    {
        Step = Position.Step + 1,
        StepInEpoch = Position.StepInEpoch + 1,
        LossSum = Position.LossSum + loss,
        GradientNormSum = Position.GradientNormSum + gradientNorm,
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
        var tensors = new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            ["denoiser"] = Weights.Of(_model.Denoiser),
            ["optimizer"] = Optimizer.State,
        };
        if (Average is not null)
            tensors["ema"] = Average.State;
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
        using (var weights = checkpoint.Read("denoiser"))
            Weights.Load(_model.Denoiser, weights, checkpoint.File("denoiser"));
        using (var moments = checkpoint.Read("optimizer"))
            Optimizer.Load(moments, checkpoint.File("optimizer"));
        if (Average is not null && checkpoint.Has("ema"))
        {
            using var average = checkpoint.Read("ema");
            Average.Load(average, checkpoint.Manifest.Position.Step, checkpoint.File("ema"));
        }

        var random = checkpoint.Manifest.Random.ToDictionary();
        if (random.Remove(Layers, out var layers))
        {
            using var state = torch.tensor(layers);
            torch.random.set_rng_state(state);
        }

        _model.Context.Random.Restore(random);
        (Position, Best) = (checkpoint.Manifest.Position, checkpoint.Manifest.Best);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Average?.Dispose();
    }

    private SortedDictionary<string, byte[]> CaptureRandom()
    {
        using var layers = torch.random.get_rng_state();
        return new SortedDictionary<string, byte[]>(_model.Context.Random.Capture().ToDictionary(), StringComparer.Ordinal)
        {
            [Layers] = layers.data<byte>().ToArray(),
        };
    }
}
