using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
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

    public TinyRun() => Folder = RunFolder.Create(Path.Combine(_folder.Path, "run"));

    public RunFolder Folder { get; }

    public List<string> Warnings { get; } = [];

    public IReadOnlyList<MetricsEntry> Metrics => MetricsLog.Read(Folder.Metrics);

    public IReadOnlyList<MetricsEntry> Steps => [.. Metrics.Where(e => e.Kind == "step")];

    /// <summary>Names of the checkpoints.</summary>
    public string[] Checkpoints => [.. Directory.GetDirectories(Folder.Checkpoints).Select(f => Path.GetFileName(f)).Order()];

    public Checkpoint Latest => new CheckpointStore(Folder.Checkpoints).Open("latest", _ => { })!;

    /// <summary>bravo from t1_pre, which is the same, by the oracle.</summary>
    public static ExperimentPlan Plan(TinyCohort cohort, IArchitecture? architecture = null) =>
        ExperimentPlan.Compose(Draft(cohort, architecture));

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
            CheckMemory = false, // how much is free is not the tests' business
        },
    };

    public static PlannedPart<T> Part<T>(string section, T part, object? options = null)
        where T : class, IPart =>
        new(section, part.GetType().Name, part, options ?? part.Tiny, new PartSource("tiny", "1.0.0", typeof(TinyRun).Assembly.Location));

    public static PartContext Context(ExperimentPlan plan, RandomStreams random) =>
        new(torch.CPU, plan.Training.Precision, NullLogger.Instance, TimeProvider.System, random);

    /// <summary>Trains by the door through which every program does.</summary>
    public RunStatus Train(
        ExperimentPlan plan, bool resume = false, long? stopAfter = null, Action<StepFacts>? stepped = null, bool validate = true)
    {
        Lend(plan);
        using var stop = new CancellationTokenSource();
        var trained = validate ? plan : plan with { Data = plan.Data with { Cohort = WithoutVal(plan.Data.Cohort) } };
        return Train(new DiffusionExperiment(trained, Observed(Warnings, stop, stopAfter, stepped)), Folder, resume, stop.Token);
    }

    /// <summary>Hears what training warns of and of its steps, and stops after one of them.</summary>
    public static ExperimentContext Observed(
        List<string> warnings, CancellationTokenSource stop, long? stopAfter, Action<StepFacts>? stepped) => new()
    {
        Observer = new Observer(warnings, facts =>
        {
            stepped?.Invoke(facts);
            if (facts.Step == stopAfter)
                stop.Cancel();
        }),
    };

    /// <summary>Trains into a run's folder; one that holds something, such as weights that it uses, goes on with that.</summary>
    public static RunStatus Train(Experiment experiment, RunFolder folder, bool resume, CancellationToken stop) =>
        resume || Directory.EnumerateFileSystemEntries(folder.Path).Any()
            ? experiment.Resume(folder, allowChangedData: true, stop)
            : experiment.Train(folder.Path, stop).Status;

    /// <summary>Gives the run the weights of learned compressors that no run trained: none, or those with which they are made.</summary>
    private void Lend(ExperimentPlan plan)
    {
        using var random = new RandomStreams(plan.Training.Seed);
        var frozen = new FrozenParts(Folder);
        foreach (var (name, part) in new[]
        {
            (FrozenParts.Compressor, plan.Compressor), (FrozenParts.ConditionCompressor, plan.ConditionCompressor),
        })
        {
            if (part is not { Part.IsLearned: true } || frozen.Has(name) || Folder.HasCheckpoints)
                continue;
            using var made = part.Part.Create(part.Options, Context(plan, random));
            frozen.Write(name, "", "", name, made.state_dict());
        }
    }

    /// <summary>The cohort as if it had no patients to validate on.</summary>
    private string WithoutVal(string cohort)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, "without-val")).FullName;
        foreach (var split in new[] { Cohort.Train, Cohort.Test }.Where(split => !Directory.Exists(Path.Combine(folder, split))))
            Directory.CreateSymbolicLink(Path.Combine(folder, split), Path.Combine(cohort, split));
        return folder;
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

    public static CohortDataset Volumes(ExperimentPlan plan, Cohort cohort, string split) =>
        new(cohort, split, plan.Data, plan.Kinds, plan.TumourUse);

    public void Dispose() => _folder.Dispose();

    private sealed class Observer(List<string> warnings, Action<StepFacts> stepped) : ExperimentObserver
    {
        public override TrainingObserver Training(Plan plan) => new OfTraining(warnings, stepped);

        private sealed class OfTraining(List<string> warnings, Action<StepFacts> stepped) : TrainingObserver
        {
            public override void Stepped(StepFacts facts) => stepped(facts);

            public override void Warned(string sentence) => warnings.Add(sentence);
        }
    }
}
