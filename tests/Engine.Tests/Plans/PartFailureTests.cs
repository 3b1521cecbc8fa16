using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Plans;

/// <summary>Code of a part that throws at work is told with its plugin, version and part, whoever called it.</summary>
[Collection(Alone.Name)]
public sealed class PartFailureTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private const string Torch = "it broke\nException raised from a native frame";

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static string Sentence(string part) => $"`{part}` of the plugin tiny 1.0.0 failed: it broke";

    private static InvalidOperationException Broken => new(Torch);

    public static TheoryData<string> AtTraining => [nameof(FormulaArchitecture), nameof(BrokenAugmentation), nameof(BrokenCompressor)];

    private ExperimentPlan Plan(string broken) => ExperimentPlan.Compose(broken switch
    {
        nameof(FormulaArchitecture) => TinyRun.Draft(cohort, new FormulaArchitecture((_, _, _, _) => throw Broken)),
        nameof(BrokenAugmentation) =>
            TinyRun.Draft(cohort) with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new BrokenAugmentation())] },
        _ => TinyRun.Draft(cohort) with { Compressor = TinyRun.Part<ICompressor>("compressor", new BrokenCompressor()) },
    });

    [Theory]
    [MemberData(nameof(AtTraining))]
    public void Training_says_which_part_failed_and_leaves_it_in_the_status(string broken)
    {
        using var run = new TinyRun();

        var failure = Assert.Throws<PartFailedException>(() => run.Train(Plan(broken)));

        Assert.Equal((Sentence(broken), Torch), (failure.Message, failure.InnerException!.Message));
        var status = run.Folder.ReadStatus()!;
        Assert.Equal((RunState.Failed, failure.Message), (status.Status, status.LastError));
    }

    [Fact]
    public void Sampler_and_metric_that_fail_are_named_and_a_network_that_a_sampler_calls_is_not_taken_for_the_sampler()
    {
        using var run = new TinyRun();
        var plan = TinyRun.Plan(cohort);
        run.Train(plan);

        var sampler = plan with { Sampler = TinyRun.Part<ISampler>("sampling", new BrokenSampler()) };
        var metric = plan with { Metrics = [TinyRun.Part<IMetric>("evaluation", new BrokenMetric())] };
        var network = Plan(nameof(FormulaArchitecture));

        Assert.Equal(Sentence(nameof(BrokenSampler)), Failure(run, sampler, trained => Generate(sampler, trained)));
        Assert.Equal(Sentence(nameof(FormulaArchitecture)), Failure(run, network, trained => Generate(network, trained)));
        Assert.Equal(Sentence(nameof(BrokenMetric)), run.Use(metric, (trained, volumes) =>
            Assert.Throws<PartFailedException>(() => new Evaluator(metric, trained, volumes, "test").Run(cancellation: Test)).Message));
    }

    private static string Failure(TinyRun run, ExperimentPlan plan, Action<TrainedModel> use) =>
        run.Use(plan, (trained, _) => Assert.Throws<PartFailedException>(() => use(trained)).Message);

    private void Generate(ExperimentPlan plan, TrainedModel trained)
    {
        using var scope = NewDisposeScope();
        using var conditions = TinyRun.Volumes(plan, Engine.Data.Cohort.Open(cohort.Path), "test").Load(0);
        new VolumeGenerator(plan, trained.Model).Generate(0, conditions, cancellation: Test);
    }

    private sealed class BrokenAugmentation : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Breaking();

        private sealed class Breaking : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) => throw Broken;
        }
    }

    private sealed class BrokenCompressor : ICompressor<NoOptions>
    {
        public bool IsLearned => false;

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => volume;

        public Compressor Create(NoOptions options, PartContext context) => new Breaking();

        private sealed class Breaking() : Compressor("breaking")
        {
            public override Tensor Encode(Tensor volume) => throw Broken;

            public override Tensor Decode(Tensor latent) => throw Broken;
        }
    }

    private sealed class BrokenSampler : ISampler<NoOptions>
    {
        public Sampler Create(NoOptions options, PartContext context) => new Breaking();

        private sealed class Breaking : Sampler
        {
            public override Tensor Sample(SamplingTask task) => throw Broken;
        }
    }

    private sealed class BrokenMetric : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Breaking();

        private sealed class Breaking : Metric
        {
            public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

            public override bool HigherIsBetter => true;

            public override MetricResult Compute(Tensor real, Tensor generated) => throw Broken;
        }
    }
}
