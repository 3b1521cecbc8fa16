using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Compression;

/// <summary>A run folder for the training of a compressor, and what the host does with one.</summary>
internal sealed class CompressionRun : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public CompressionRun() => Folder = RunFolder.Create(Path.Combine(_folder.Path, "run"));

    public RunFolder Folder { get; }

    public IReadOnlyList<MetricsEntry> Metrics => MetricsLog.Read(Folder.Metrics);

    public MetricsEntry[] Steps => [.. Metrics.Where(e => e.Kind == "step")];

    public MetricsEntry[] Epochs => [.. Metrics.Where(e => e.Kind == "epoch")];

    public Checkpoint Latest => new CheckpointStore(Folder.Checkpoints).Open("latest", _ => { })!;

    /// <summary>Compresses bravo with one phase of l1.</summary>
    public static CompressionPlan Draft(TinyCohort cohort, ICompressor? compressor = null) => new()
    {
        Id = "tiny",
        Title = "a tiny compressor",
        Data = TinyCohort.Options(cohort.Path),
        Target = [ImageKinds.Bravo],
        Compressor = TinyRun.Part("compressor", compressor ?? new ScalarCompressor()),
        Metrics = [TinyRun.Part<IMetric>("evaluation", new SquaredError())],
        Compression = new CompressionOptions
        {
            Phases = [Phase(1, (LossNames.L1, 1))],
            Discriminator = new DiscriminatorOptions { Channels = 2, Layers = 1 },
        },
        Training = new TrainingOptions
        {
            WarmupEpochs = 0,
            LearningRate = 0.01,
            Schedule = LearningRateSchedule.Constant,
            GradientClipNorm = 1e6,
            Precision = Precision.Float32,
            Device = "cpu",
            CheckMemory = false,
        },
    };

    public static CompressionPlan Plan(TinyCohort cohort, ICompressor? compressor = null, params PhaseOptions[] phases) =>
        CompressionPlan.Compose(With(Draft(cohort, compressor), phases));

    public static CompressionPlan With(CompressionPlan plan, params PhaseOptions[] phases) =>
        phases.Length == 0 ? plan : plan with { Compression = plan.Compression with { Phases = phases } };

    public static PhaseOptions Phase(int epochs, params (string Name, double Weight)[] losses) =>
        new() { Epochs = epochs, Losses = losses.ToDictionary(loss => loss.Name, loss => loss.Weight) };

    public static PartContext Context(Plan plan, RandomStreams random) =>
        new(
            TorchSharp.torch.CPU, plan.Training.Precision,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, TimeProvider.System, random);

    public static PooledImages Images(CompressionPlan plan, string split, RandomCrop? crop = null) =>
        new(Cohort.Open(plan.Data.Cohort), split, plan.Data, plan.Kinds, crop);

    /// <summary>Trains by the door through which every program does.</summary>
    public RunStatus Train(CompressionPlan plan, bool resume = false, long? stopAfter = null, Action<StepFacts>? stepped = null)
    {
        using var stop = new CancellationTokenSource();
        return TinyRun.Train(new CompressionExperiment(plan, TinyRun.Observed([], stop, stopAfter, stepped)), Folder, resume, stop.Token);
    }

    /// <summary>Calls back with the trained compressor and the test split.</summary>
    public T Use<T>(CompressionPlan plan, Func<TrainedCompressor, PooledImages, T> use)
    {
        using var random = new RandomStreams(plan.Training.Seed);
        using var trained = TrainedCompressor.Load(Folder, plan, Context(plan, random), "best", _ => { });
        return use(trained, Images(plan, Cohort.Test));
    }

    /// <summary>All numbers of a tensor of a component of a checkpoint.</summary>
    public static float[] Numbers(Checkpoint checkpoint, string component, string name)
    {
        using var tensors = checkpoint.Read(component);
        return tensors[name].data<float>().ToArray();
    }

    /// <summary>The first number of a tensor of the latest checkpoint's compressor.</summary>
    public float Weight(string name) => Numbers(Latest, "compressor", name)[0];

    public void Dispose() => _folder.Dispose();
}
