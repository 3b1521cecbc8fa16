using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Tests.Diffusion.Evaluation;

/// <summary>An oracle without bias generates the very volumes that it is conditioned on; features are a volume's mean.</summary>
[Collection(Alone.Name)]
public sealed class SetEvaluatorTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();
    private readonly List<long[]> _seen = [];

    public void Dispose() => _run.Dispose();

    private ExperimentPlan Plan
    {
        get
        {
            var plan = TinyRun.Plan(cohort, FormulaArchitecture.Oracle(0));
            return plan with
            {
                Metrics =
                [
                    TinyRun.Part<IMetric>("evaluation", new MeanGap(_seen.Add)),
                    TinyRun.Part<IMetric>("evaluation", new MeanGap(_seen.Add, training: true)),
                ],
                Training = plan.Training with { Epochs = 1, LearningRate = 1e-12 },
                Sampling = new SamplingOptions { Count = 2 },
            };
        }
    }

    private SetResult Evaluate(ExperimentPlan plan, bool samples = false) => _run.Use(plan, (trained, test) =>
    {
        using var random = new RandomStreams(1);
        var train = TinyRun.Volumes(plan, Cohort.Open(plan.Data.Cohort), Cohort.Train);
        using var sets = new SetEvaluator(plan, TinyRun.Context(plan, random), () => [(Cohort.Train, train), (Cohort.Test, test)]);
        var generated = samples
            ? GeneratedSet.Samples(_run.Folder, plan, trained.Sha256)!
            : GeneratedSet.New(plan, new GenerationPlan(plan.Sampling with { Count = 3 }, plan.Sampler), trained, test);
        return sets.Run(trained, generated);
    });

    [Fact]
    public void Value_is_the_closed_form_against_each_split()
    {
        _run.Train(Plan);

        var result = Evaluate(Plan);

        var (test, train) = (Means(Cohort.Test), Means(Cohort.Train));
        // three volumes of two conditions: the first one twice
        var generated = (2 * test[0] + test[1]) / 3;
        Assert.Equal([("train", 4), ("test", 2), ("train", 4)], result.Metrics.Select(m => (m.Against, m.RealVolumes)));
        Assert.Equal(Math.Abs(generated - train.Average()), result.Metrics[0].Value!.Value, 1e-5);
        Assert.Equal(Math.Abs(generated - test.Average()), result.Metrics[1].Value!.Value, 1e-5);
        Assert.Equal(("generate", 3, 3.0), (result.Source, result.Volumes, result.FunctionEvaluations));
    }

    [Fact]
    public void Rows_carry_the_volume_that_they_are_of()
    {
        var plan = Plan with { Metrics = [TinyRun.Part<IMetric>("evaluation", new SliceCount())] };
        _run.Train(plan);

        var against = Evaluate(plan).Metrics.ToDictionary(quality => quality.Against, quality => quality.Details);

        Assert.Equal((4.0, 3.0), (against["train"]["volumes_real"], against["train"]["volumes_generated"]));
        Assert.Equal((2.0, 3.0 * TinyCohort.RealSlices), (against["test"]["volumes_real"], against["test"]["rows_generated"]));
    }

    [Fact]
    public void Each_volume_is_seen_once_and_without_padding()
    {
        _run.Train(Plan);

        Evaluate(Plan);

        Assert.Equal(3 + 4 + 2, _seen.Count);
        Assert.All(_seen, shape => Assert.Equal([1, 1, TinyCohort.RealSlices, 8, 8], shape));
    }

    [Fact]
    public void Samples_are_those_that_the_weights_made()
    {
        _run.Train(Plan);
        _run.Use(Plan, (trained, volumes) => new SampleWriter(Plan, trained, volumes).Write(_run.Folder.Samples));

        var result = Evaluate(Plan, samples: true);

        Assert.Equal(("samples", 2, 3.0), (result.Source, result.Volumes, result.FunctionEvaluations));
        Assert.Equal(0, result.Metrics.Single(m => m.Against == "test").Value!.Value, 1e-5);
        Assert.Null(GeneratedSet.Samples(_run.Folder, Plan, "another"));
    }

    [Fact]
    public void Samples_that_were_made_otherwise_are_left_out()
    {
        _run.Train(Plan);
        void Sample(SamplingOptions sampling) => _run.Use(Plan, (trained, volumes) =>
            new SampleWriter(Plan with { Sampling = sampling }, trained, volumes).Write(
                _run.Folder.Samples, numbers: SampleNumbers.Continue));
        Sample(new SamplingOptions { Count = 2 });
        Sample(new SamplingOptions { Count = 1, TimeShift = 2 });

        Assert.Equal(2, Evaluate(Plan, samples: true).Volumes);
    }

    [Fact]
    public void Metric_that_cannot_be_computed_says_why_and_spoils_nothing()
    {
        var plan = Plan;
        plan = plan with { Metrics = [TinyRun.Part<IMetric>("evaluation", new MeanGap(_seen.Add, refuses: true)), plan.Metrics[0]] };
        _run.Train(plan);

        var result = Evaluate(plan);

        Assert.Null(result.Metrics[0].Value);
        Assert.Equal(["too few"], result.Metrics[0].Warnings);
        Assert.NotNull(result.Metrics[2].Value);
    }

    [Fact]
    public void All_splits_together_count_each_patient_once()
    {
        _run.Train(Plan);

        var result = _run.Use(Plan, (trained, test) =>
        {
            using var random = new RandomStreams(1);
            var train = TinyRun.Volumes(Plan, Cohort.Open(cohort.Path), Cohort.Train);
            // the test split once more under another name, as of a cohort that was copied together
            using var sets = new SetEvaluator(
                Plan, TinyRun.Context(Plan, random), () => [(Cohort.Train, train)],
                () => [(Cohort.Train, train), (Cohort.Val, test), (Cohort.Test, test)]);
            return sets.Run(trained, GeneratedSet.New(Plan, new GenerationPlan(Plan.Sampling, Plan.Sampler), trained, test));
        });

        var all = result.Metrics.Single(quality => quality.Against == "all");
        Assert.Equal(4 + 2, all.RealVolumes);
        double[] real = [.. Means(Cohort.Train), .. Means(Cohort.Test)];
        Assert.Equal(Math.Abs(Means(Cohort.Test).Average() - real.Average()), all.Value!.Value, 1e-5);
    }

    [Fact]
    public void Floor_is_what_real_volumes_are_from_real_ones()
    {
        _run.Train(Plan);

        var floor = _run.Use(Plan, (_, test) =>
        {
            using var random = new RandomStreams(1);
            var train = TinyRun.Volumes(Plan, Cohort.Open(cohort.Path), Cohort.Train);
            using var sets = new SetEvaluator(Plan, TinyRun.Context(Plan, random), () => [(Cohort.Train, train), (Cohort.Test, test)]);
            return sets.Floor();
        });

        var only = Assert.Single(floor); // whoever looks for copies of training volumes has none
        Assert.Equal(("test", "train", 4), (only.Of, only.Against, only.RealVolumes));
        Assert.Equal(Math.Abs(Means(Cohort.Test).Average() - Means(Cohort.Train).Average()), only.Value!.Value, 1e-5);
    }

    [Fact]
    public void Masks_are_thresholded_before_they_are_compared()
    {
        // the oracle generates what it is conditioned on: grey values, which as a mask are 0 or 1
        var plan = ExperimentPlan.Compose(TinyRun.Draft(cohort, FormulaArchitecture.Oracle(0)) with
        {
            Target = [ImageKinds.Seg],
            Metrics = [TinyRun.Part<IMetric>("evaluation", new GreyShare())],
        });
        plan = plan with { Training = Plan.Training };
        _run.Train(plan);

        Assert.Equal(0, Evaluate(plan).Metrics[0].Value);
    }

    [Theory]
    [InlineData(false, "guidance 3", null)]
    [InlineData(
        true, "guidance 3 (guidance_rescale 0.5, guidance_interval [0.2,0.8], guidance_end 1, guidance_schedule linear), time_shift 2",
        2.0)]
    public void Sets_that_were_guided_by_other_schedules_do_not_look_alike(bool more, string words, double? shift)
    {
        var plan = Plan;
        plan = plan with { Condition = plan.Condition with { Dropout = 0.5 }, Sampling = new SamplingOptions { Count = 2, Guidance = 3 } };
        if (more)
            plan = plan with
            {
                Sampling = plan.Sampling with { GuidanceRescale = 0.5, GuidanceInterval = [0.2, 0.8], GuidanceEnd = 1, TimeShift = 2 },
            };
        _run.Train(plan);
        _run.Use(plan, (trained, volumes) => new SampleWriter(plan, trained, volumes).Write(_run.Folder.Samples));

        foreach (var result in new[] { Evaluate(plan), Evaluate(plan, samples: true) })
        {
            Assert.Equal((words, shift), (result.GuidanceWords, result.TimeShift));
            Assert.Equal(more, result.GuidanceOptions is not null);
        }
    }

    private double[] Means(string split)
    {
        var volumes = TinyRun.Volumes(Plan, Cohort.Open(cohort.Path), split);
        return [.. Enumerable.Range(0, volumes.Count).Select(i =>
        {
            using var scope = NewDisposeScope();
            using var sample = volumes.Load(i);
            return (double)sample.Images[ImageKinds.Bravo].narrow(2, 0, TinyCohort.RealSlices).mean().item<float>();
        })];
    }

    /// <summary>How far apart two sets are in the mean.</summary>
    private sealed class MeanGap(Action<long[]> seen, bool training = false, bool refuses = false) : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Gap(seen, training, refuses);

        private sealed class Gap(Action<long[]> seen, bool training, bool refuses) : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override bool HigherIsBetter => false;

            public override string Extractor => "mean";

            public override bool NeedsTrainingSet => training;

            public override Tensor Features(Tensor volumes)
            {
                seen(volumes.shape);
                return volumes.mean([1, 2, 3, 4]).unsqueeze(1);
            }

            public override MetricResult Compare(Tensor real, Tensor generated)
            {
                if (refuses)
                    throw new ArgumentException("too few");
                using var scope = NewDisposeScope();
                return MetricResult.Mean([(real.mean() - generated.mean()).abs().item<float>()]);
            }
        }
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void Metric_that_has_no_value_of_so_few_volumes_is_refused_before_any_is_generated(int generated, bool refused)
    {
        IMetric[] metrics = [new MeanGap(_ => { }), new Pairs()];
        var plan = Plan with { Metrics = [.. metrics.Select(metric => TinyRun.Part("evaluation", metric))] };
        _run.Train(plan);

        var refusal = Record.Exception(() => _run.Use(plan, (trained, test) =>
        {
            using var random = new RandomStreams(1);
            var train = TinyRun.Volumes(plan, Cohort.Open(plan.Data.Cohort), Cohort.Train);
            using var sets = new SetEvaluator(plan, TinyRun.Context(plan, random), () => [(Cohort.Train, train), (Cohort.Test, test)]);
            sets.RequireEnough(generated);
            return 0;
        }));

        if (!refused)
        {
            Assert.Null(refusal);
            return;
        }

        var plain = Assert.IsType<PlanException>(refusal);
        Assert.Equal("evaluation.generate.count", plain.Path);
        Assert.Equal(
            "`Pairs` has no value of 1 generated volume: 1 row has no pair; generate more, or remove it from evaluation.metrics",
            plain.Message);
    }

    [Fact]
    public void Metric_that_has_no_value_of_one_volume_is_refused_when_the_plan_is_made()
    {
        using var random = new RandomStreams(1);
        PlannedPart<IMetric>[] metrics = [TinyRun.Part<IMetric>("evaluation", new MeanGap(_ => { })), TinyRun.Part<IMetric>("evaluation",
            new Pairs())];
        var context = TinyRun.Context(Plan, random);

        MetricChecks.RefuseFew(metrics[..1], new VolumeShape(1, 4, 4, 4), 1, context);
        MetricChecks.RefuseFew(metrics, new VolumeShape(1, 4, 4, 4), 2, context);
        var refusal = Assert.Throws<PlanException>(() => MetricChecks.RefuseFew(metrics, new VolumeShape(1, 4, 4, 4), 1, context));

        Assert.Equal("`Pairs` has no value of 1 generated volume: 1 row has no pair; generate more, or remove it from "
            + "evaluation.metrics", refusal.Message);
        Assert.Equal("evaluation.generate.count", refusal.Path);
    }

    /// <summary>Compares pairs of generated volumes.</summary>
    private sealed class Pairs : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Needing();

        private sealed class Needing : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override bool HigherIsBetter => false;

            public override string Extractor => "mean";

            public override Tensor Features(Tensor volumes) => volumes.mean([1, 2, 3, 4]).unsqueeze(1);

            public override MetricResult Compare(Tensor real, Tensor generated) =>
                generated.shape[0] > 1 ? MetricResult.Mean([0]) : throw new ArgumentException($"{generated.shape[0]} row has no pair");
        }
    }

    /// <summary>The share of voxels that are neither 0 nor 1, of the generated volumes.</summary>
    private sealed class GreyShare : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Share();

        private sealed class Share : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override bool HigherIsBetter => false;

            public override string Extractor => "grey";

            public override Tensor Features(Tensor volumes) =>
                volumes.ne(Scalars.S(0.0)).logical_and(volumes.ne(Scalars.S(1.0))).to(ScalarType.Float32).mean([1, 2, 3, 4]).unsqueeze(1);

            public override MetricResult Compare(Tensor real, Tensor generated) => MetricResult.Mean([generated.mean().item<float>()]);
        }
    }

    /// <summary>A row for each slice; says how many volumes it was given.</summary>
    private sealed class SliceCount : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Slices();

        private sealed class Slices : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override bool HigherIsBetter => false;

            public override string Extractor => "slices";

            public override Tensor Features(Tensor volumes) => volumes.mean([0, 1, 3, 4]).unsqueeze(1);

            public override MetricResult Compare(Tensor real, Tensor generated) =>
                throw new InvalidOperationException("the volumes of the rows are known");

            public override MetricResult Compare(FeatureSet real, FeatureSet generated) => MetricResult.Mean([0]) with
            {
                Details = new Dictionary<string, double>
                {
                    ["volumes_real"] = real.VolumeCount,
                    ["volumes_generated"] = generated.VolumeCount,
                    ["rows_generated"] = generated.Rows.shape[0],
                },
            };

            public override MetricResult Compute(Tensor real, Tensor generated) => throw new InvalidOperationException();
        }
    }
}
