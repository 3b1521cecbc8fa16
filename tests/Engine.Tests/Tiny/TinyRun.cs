using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Tests.Tiny;

/// <summary>A run folder that goes with the test, and what the host does with one.</summary>
internal sealed class TinyRun : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TinyRun()
    {
        Folder = RunFolder.Create(Path.Combine(_folder.Path, "run"));
        File.WriteAllText(Folder.Experiment, "id: tiny\n");
    }

    public RunFolder Folder { get; }

    public List<string> Warnings { get; } = [];

    public IReadOnlyList<MetricsEntry> Metrics => MetricsLog.Read(Folder.Metrics);

    public IReadOnlyList<MetricsEntry> Steps => [.. Metrics.Where(e => e.Kind == "step")];

    /// <summary>Names of the checkpoints.</summary>
    public string[] Checkpoints => [.. Directory.GetDirectories(Folder.Checkpoints).Select(f => Path.GetFileName(f)).Order()];

    public Checkpoint Latest => new CheckpointStore(Folder.Checkpoints).Open("latest", _ => { })!;

    /// <summary>bravo from t1_pre, which is the same, by the oracle.</summary>
    public static ExperimentPlan Plan(TinyCohort cohort, IArchitecture? architecture = null) => ExperimentPlan.Compose(Draft(cohort, architecture));

    public static ExperimentPlan Draft(TinyCohort cohort, IArchitecture? architecture = null) => new()
    {
        Id = "tiny",
        Title = "a tiny experiment",
        Data = TinyCohort.Options(cohort.Path),
        Target = [ImageKinds.Bravo],
        Condition = new ConditionOptions { Images = [ImageKinds.T1Pre] },
        Compressor = Part<ICompressor>("compressor", new IdentityCompressor()),
        Architecture = Part<IArchitecture>("architecture", architecture ?? FormulaArchitecture.Oracle()),
        Strategy = Part<INoiseStrategy>("strategy", new StraightStrategy()),
        Sampler = Part<ISampler>("sampling", new EulerSampler()),
        Metrics = [Part<IMetric>("evaluation", new SquaredError())],
        Training = new TrainingOptions
        {
            Epochs = 2,
            WarmupEpochs = 0,
            LearningRate = 0.01,
            Schedule = LearningRateSchedule.Constant,
            GradientClipNorm = 1e6,
            Precision = Precision.Float32,
            Device = "cpu",
            ValidationTimesteps = 4,
        },
    };

    public static PlannedPart<T> Part<T>(string section, T part, object? options = null)
        where T : class, IPart =>
        new(section, part.GetType().Name, part, options ?? part.Tiny, new PartSource("tiny", "1.0.0", typeof(TinyRun).Assembly.Location));

    public static PartContext Context(ExperimentPlan plan, RandomStreams random) =>
        new(torch.CPU, plan.Training.Precision, NullLogger.Instance, TimeProvider.System, random);

    /// <summary>Trains as the host does.</summary>
    public RunStatus Train(ExperimentPlan plan, bool resume = false, long? stopAfter = null, Action<StepFacts>? stepped = null, bool validate = true)
    {
        var cohort = Cohort.Open(plan.Data.Cohort);
        using var random = new RandomStreams(plan.Training.Seed);
        using var stop = new CancellationTokenSource();
        var observer = new Observer(Warnings, facts =>
        {
            stepped?.Invoke(facts);
            if (facts.Step == stopAfter)
                stop.Cancel();
        });
        var context = Context(plan, random);
        var frozen = new FrozenParts(Folder);
        var (training, validation) = new LatentCache(plan.Data.Latents ?? Folder.Latents, plan.Space, context, frozen)
            .Prepare(cohort, Volumes(plan, cohort, Cohort.Train), validate ? Volumes(plan, cohort, Cohort.Val) : null);
        if (plan.Condition.Modalities is not null)
            (training, validation) = (Modalities(plan, cohort, Cohort.Train), validate ? Modalities(plan, cohort, Cohort.Val) : null);
        var meter = () => plan.TrainingGeneration is null ? null : new GenerationMeter(plan, Volumes(plan, cohort, Cohort.Val), Cohort.Val);
        using var trainer = new Trainer(
            plan.Training, training, plan.Data.Workers, Folder, observer, () => new DiffusionTask(plan, validation, context, frozen, meter: meter()));
        try
        {
            return trainer.Run(resume, stop.Token);
        }
        catch (Exception e)
        {
            trainer.Fail(e);
            throw;
        }
    }

    /// <summary>Calls back with the trained model and the test split.</summary>
    public T Use<T>(ExperimentPlan plan, Func<TrainedModel, CohortDataset, T> use)
    {
        using var random = new RandomStreams(plan.Training.Seed);
        using var trained = TrainedModel.Load(Folder, plan, Context(plan, random), "latest", Warnings.Add);
        return use(trained, Volumes(plan, Cohort.Open(plan.Data.Cohort), Cohort.Test));
    }

    /// <summary>All tensors of a component of the latest checkpoint, as numbers.</summary>
    public Dictionary<string, float[]> Component(string component)
    {
        using var tensors = Latest.Read(component);
        return tensors.ToDictionary(t => t.Key, t => t.Value.to(torch.float32).data<float>().ToArray());
    }

    /// <summary>One scalar of a component of the latest checkpoint.</summary>
    public float Scalar(string component, string name)
    {
        using var tensors = Latest.Read(component);
        return tensors[name].data<float>()[0];
    }

    public static CohortDataset Volumes(ExperimentPlan plan, Cohort cohort, string split) => new(cohort, split, plan.Data, plan.Kinds, plan.TumourUse);

    public static ModalityDataset Modalities(ExperimentPlan plan, Cohort cohort, string split) => new(
        cohort, split, plan.Data, plan.Target[0], plan.Condition.Modalities!, [.. plan.Kinds.Except(plan.Condition.Modalities!)],
            plan.TumourUse);

    public void Dispose() => _folder.Dispose();

    private sealed class Observer(List<string> warnings, Action<StepFacts> stepped) : TrainingObserver
    {
        public override void Stepped(StepFacts facts) => stepped(facts);

        public override void Warned(string sentence) => warnings.Add(sentence);
    }
}
