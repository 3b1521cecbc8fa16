using System.Runtime.InteropServices;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>Volumes that are generated and measured while a run is trained.</summary>
[Collection(Alone.Name)]
public sealed class GenerationTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    /// <summary>
    /// Everything random there is: a dropout layer, condition dropout, shuffling, noise and timesteps; an
    /// average and a moving learning rate.
    /// </summary>
    private ExperimentPlan Plan(TrainingGeneration? generation)
    {
        var plan = TinyRun.Plan(cohort, new ConvArchitecture());
        return plan with
        {
            Architecture = plan.Architecture with { Options = (ConvOptions)plan.Architecture.Options with { Dropout = 0.2 } },
            Condition = plan.Condition with { Dropout = 0.3 },
            TrainingGeneration = generation,
            Training = plan.Training with
            {
                Epochs = 4, Schedule = LearningRateSchedule.Cosine, Ema = new EmaOptions { Decay = 0.9, UpdateAfter = 2, UpdateEvery = 3 },
            },
        };
    }

    private static TrainingGeneration Every(int epochs, IMetric metric) => new(
        new TrainingGenerationOptions { Every = epochs },
        new SamplingOptions { Count = 2 },
        TinyRun.Part<ISampler>("training.generation", new EulerSampler()),
        [TinyRun.Part("training.generation", metric)]);

    private static string[] Steps(TinyRun run) => [.. run.Steps.Select(e => $"{e.Step} {e.Loss:R} {e.GradientNorm:R} {e.LearningRate:R}")];

    private static void AssertSameTrajectory(TinyRun expected, TinyRun actual)
    {
        Assert.Equal(expected.Latest.Manifest.Files, actual.Latest.Manifest.Files); // sizes and hashes of weights, average and moments
        Assert.All(expected.Latest.Manifest.Random, stream => Assert.Equal(stream.Value, actual.Latest.Manifest.Random[stream.Key]));
        Assert.Equal(expected.Latest.Manifest.Best, actual.Latest.Manifest.Best);
        Assert.Equal(Steps(expected), Steps(actual));
        Assert.Equal(expected.Metrics.Select(e => e.ValidationLoss), actual.Metrics.Select(e => e.ValidationLoss));
    }

    [Fact]
    public void Training_is_the_same_to_the_bit_with_and_without_it_whatever_a_metric_draws()
    {
        using var without = new TinyRun();
        using var with = new TinyRun();
        without.Train(Plan(null));

        with.Train(Plan(Every(1, new Gap(draws: true))));

        AssertSameTrajectory(without, with);
        Assert.Empty(with.Warnings);
        Assert.Equal([1, 2, 3, 4], with.Metrics.Where(e => e.GenerationSeconds is not null).Select(e => e.Epoch));
        Assert.All(
            with.Metrics.Where(e => e.Kind == "epoch"),
            e => Assert.True(e.Measures!["Generation/Gap_val"] >= 0 && e.Measures.ContainsKey("Estimate/SquaredError")));
        // nothing of it where it is off
        Assert.DoesNotContain("generation", File.ReadAllText(without.Folder.Metrics), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "generation", File.ReadAllText(Path.Combine(without.Latest.Folder, "manifest.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Best_generation_is_the_epoch_with_the_best_value_and_is_kept()
    {
        var plan = Plan(Every(1, new Scripted(3, 1, 2, 1.5)));
        using var run = new TinyRun();

        var status = run.Train(
            plan with { Training = plan.Training with { KeepCheckpoints = 1, CheckpointEvery = 100, ValidateEvery = 100 } });

        var best = new CheckpointStore(run.Folder.Checkpoints).Open("best_generation", Assert.Fail)!;
        Assert.Equal(("step-00000008", 2), (best.Name, best.Manifest.Position.Epoch));
        Assert.Equal((2, 1.0), (status.BestGeneration!.Epoch, status.BestGeneration.Value));
        Assert.StartsWith("Scripted against val of 2 volumes by EulerSampler (", status.BestGeneration.Measure, StringComparison.Ordinal);
        Assert.Equal(status.BestGeneration, run.Latest.Manifest.BestGeneration);
        Assert.Equal(["step-00000008", "step-00000016"], run.Checkpoints);
        Assert.Equal("step-00000008", run.Folder.OpenCheckpoint("best_generation", Assert.Fail).Name);
    }

    [Fact]
    public void Higher_value_is_best_of_a_metric_of_which_more_is_better()
    {
        var plan = Plan(Every(2, new Scripted(3, 1) { HigherIsBetter = true }));
        using var run = new TinyRun();

        Assert.Equal((2, 3.0), run.Train(plan).BestGeneration is { } best ? (best.Epoch, best.Value) : default);
    }

    [Fact]
    public void Nearest_value_is_best_of_a_metric_that_has_a_best_one()
    {
        var plan = Plan(Every(2, new Scripted(1.25, 0.5) { BestValue = 1, HigherIsBetter = true }));
        using var run = new TinyRun();
        Assert.Equal((2, 1.25), run.Train(plan).BestGeneration is { } best ? (best.Epoch, best.Value) : default);

        using var other = new TinyRun();
        plan = Plan(Every(2, new Scripted(2, 0.9) { BestValue = 1, HigherIsBetter = true }));
        Assert.Equal((4, 0.9), other.Train(plan).BestGeneration is { } last ? (last.Epoch, last.Value) : default);
    }

    public static TheoryData<Exception, string> Failures => new()
    {
        { new OutOfMemoryException(), "memory ran out" },
        { new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB"), "memory ran out" },
        {
            new InvalidOperationException("the sampler gave up after 5 calls\n at a"), "the sampler gave up after 5 calls; training goes on"
        },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void What_goes_wrong_is_said_and_ends_nothing(Exception error, string words)
    {
        using var without = new TinyRun();
        using var with = new TinyRun();
        without.Train(Plan(null));

        var status = with.Train(Plan(Every(2, new Scripted(1, 1) { Error = error })));

        Assert.Equal(RunState.Completed, status.Status);
        AssertSameTrajectory(without, with);
        Assert.Equal(2, with.Warnings.Count);
        Assert.Contains("after epoch 2", with.Warnings[0], StringComparison.Ordinal);
        Assert.Contains(words, with.Warnings[0], StringComparison.Ordinal);
        Assert.Null(status.BestGeneration);
        Assert.Contains(
            "has no checkpoint best_generation",
            Assert.Throws<RunFolderException>(() => with.Folder.OpenCheckpoint("best_generation", _ => { })).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(13)]
    public void Run_stopped_and_resumed_has_measured_the_same(long stopAfter)
    {
        using var straight = new TinyRun();
        using var stopped = new TinyRun();
        var plan = Plan(Every(1, new Gap(draws: false)));
        straight.Train(plan);

        stopped.Train(plan, stopAfter: stopAfter);
        stopped.Train(plan, resume: true);

        AssertSameTrajectory(straight, stopped);
        Assert.Equal(straight.Latest.Manifest.BestGeneration, stopped.Latest.Manifest.BestGeneration);
        Assert.Equal(Measured(straight), Measured(stopped));
        Assert.Equal(
            File.ReadAllText(Path.Combine(straight.Folder.Checkpoints, "best_generation")),
            File.ReadAllText(Path.Combine(stopped.Folder.Checkpoints, "best_generation")));

        static string[] Measured(TinyRun run) =>
        [
            .. run.Metrics.Where(e => e.Kind == "epoch").SelectMany(e => e.Measures!).Select(measure => $"{measure.Key} {measure.Value:R}"),
        ];
    }

    [Fact]
    public void Other_measures_are_not_compared_with_those_before()
    {
        var plan = Plan(Every(1, new Scripted(1, 5, 6, 7)));
        using var run = new TinyRun();
        run.Train(plan, stopAfter: 4);

        var other = plan.TrainingGeneration! with { Sampling = plan.TrainingGeneration.Sampling with { Seed = 1 } };
        var status = run.Train(plan with { TrainingGeneration = other }, resume: true);

        Assert.Equal((2, 5.0), (status.BestGeneration!.Epoch, status.BestGeneration.Value));
        Assert.Contains("the best is looked for anew", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Estimates_and_regions_have_their_closed_form()
    {
        // an estimate from τ is off by bias·τ everywhere
        const double bias = 0.2, mean = bias * bias * (0.25 * 0.25 + 0.5 * 0.5 + 0.75 * 0.75) / 3;
        var draft = TinyRun.Draft(cohort, FormulaArchitecture.Oracle(bias));
        var plan = ExperimentPlan.Compose(draft with
        {
            TrainingGeneration = Every(1, new Gap(draws: false)),
            Training = draft.Training with { Epochs = 1, LearningRate = 1e-12, RegionWeights = new RegionWeights() },
        });
        using var run = new TinyRun();

        run.Train(plan);

        var measures = run.Metrics.Single(e => e.Kind == "epoch").Measures!;
        Assert.Equal(mean, measures["Estimate/SquaredError"], 1e-6);
        Assert.Equal(measures["Regional/tumour_loss"], measures["Regional/large"], 1e-12);
        Assert.Equal(1, measures["Regional/ratio"], 1e-4);
        Assert.DoesNotContain("Regional/tiny", measures.Keys);
    }

    [Fact]
    public void Going_back_before_the_best_generation_forgets_it()
    {
        var plan = Plan(Every(1, new Scripted(2, 2, 1, 2)));
        using var run = new TinyRun();
        run.Train(plan with { Training = plan.Training with { KeepCheckpoints = 10 } });
        var store = new CheckpointStore(run.Folder.Checkpoints);
        var second = new Checkpoint(Path.Combine(run.Folder.Checkpoints, "step-00000008"), run.Latest.Manifest);
        Assert.True(store.IsLater("best_generation", second));

        store.ReturnTo(second, new CheckpointStore(run.Folder.Checkpoints).Open("latest", _ => { })!.Manifest);

        Assert.False(store.Has("best_generation"));
    }

    [Fact]
    public void Measuring_leaves_no_tensor_behind_after_each_epoch()
    {
        LiveTensors.Settled();
        var live = new List<long>();
        using var run = new TinyRun();
        var plan = Plan(Every(1, new Gap(draws: false)));
        // a checkpoint that is being written has tensors of its own
        var training = plan.Training with { Epochs = 6, CheckpointEvery = 100, ValidateEvery = 100 };

        run.Train(plan with { Training = training }, stepped: _ => live.Add(Tensor.TotalCount));

        // from the second epoch on, features of real volumes are there; batches that are being prepared may be too, two tensors each
        Assert.InRange(live[^1] - live[5], long.MinValue, 4);
    }

    /// <summary>Distance of the means of two sets, one number a volume; may draw from all that there is to draw from.</summary>
    private sealed class Gap(bool draws) : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Means(draws, context);

        private sealed class Means(bool draws, PartContext context) : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override bool HigherIsBetter => false;

            public override string Extractor => "mean";

            public override Tensor Features(Tensor volumes)
            {
                if (draws)
                {
                    rand([3]).Dispose();
                    foreach (var stream in new[] { RandomStreams.Noise, RandomStreams.Timestep, RandomStreams.Dropout })
                        rand([3], generator: context.Random[stream]).Dispose();
                }

                return volumes.mean([1, 2, 3, 4]).unsqueeze(1);
            }

            public override MetricResult Compare(Tensor real, Tensor generated)
            {
                var gap = Math.Abs((real.mean() - generated.mean()).ToDouble());
                return new MetricResult(gap, [gap]);
            }
        }
    }
}
