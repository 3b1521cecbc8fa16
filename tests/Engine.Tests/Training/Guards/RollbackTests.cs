using System.Text.Json;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Training.Guards;

/// <summary>Trainings that go wrong for real.</summary>
[Collection(Alone.Name)]
public sealed class RollbackTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private const float Dead = 3;

    /// <summary>
    /// The oracle with a cliff: below <paramref name="edge"/> its answer is wrong by 3 and has no gradient, so that it cannot come back.
    /// AdamW comes from 0.5, and its momentum carries it past 0 the further the larger the learning rate is.
    /// </summary>
    private ExperimentPlan Cliff(float edge, int epochs = 24, GuardOptions? guard = null)
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
            FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias.item<float>() < edge ? bias * S(0.0) + S((double)Dead) : bias)));
        return plan with
        {
            Training = plan.Training with { Epochs = epochs, LearningRate = 0.1, Guard = guard ?? new GuardOptions { CollapseWindow = 3 } },
        };
    }

    /// <summary>A network of random numbers whose loss is not a number at late timesteps, three in ten steps.</summary>
    private ExperimentPlan Failing(GuardOptions guard)
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            return torch.is_grad_enabled() && timesteps.data<float>()[0] > 730 ? answer * S(double.NaN) : answer;
        }));
        return plan with
        {
            Training = plan.Training with
            {
                Epochs = 4,
                Guard = guard,
                Ema = new EmaOptions { Decay = 0.9, UpdateAfter = 2, UpdateEvery = 3 },
            },
        };
    }

    [Theory]
    [InlineData(-0.15f, 1)]
    [InlineData(-0.1f, 2)]
    public void Collapse_is_survived_by_going_back_with_a_smaller_learning_rate(float edge, int rollbacks)
    {
        using var run = new TinyRun();
        var status = run.Train(Cliff(edge));
        Assert.Equal((RunState.Completed, rollbacks, 24), (status.Status, status.Rollbacks, status.Epoch));
        Assert.InRange(run.Metrics[^1].ValidationLoss!.Value, 0, 0.01);
        Assert.Equal(0.1 * Math.Pow(0.5, rollbacks), run.Steps[^1].LearningRate);
        Assert.Equal(rollbacks, run.Warnings.Count);
        Assert.All(run.Warnings, warning => Assert.Contains("diverged at epoch", warning, StringComparison.Ordinal));
        // each once: the lost ones are dropped
        Assert.Equal(Enumerable.Range(1, 96).Select(step => (long)step), run.Steps.Select(step => step.Step));
        Assert.Equal(rollbacks, run.Metrics.Last(e => e.Kind == "rollback").Measures!["guard/rollbacks"]);
    }

    [Fact]
    public void Collapse_without_a_guard_is_not_survived()
    {
        using var run = new TinyRun();
        run.Train(Cliff(-0.15f, guard: new GuardOptions { Enabled = false }));
        Assert.Equal(Dead * Dead, run.Metrics[^1].ValidationLoss!.Value, 0.01);
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1, 0.5)]
    [InlineData(2, 0.99)] // nearly the same learning rate leads to the same end
    public void Collapse_that_returns_ends_the_run_as_diverged(int maxRollbacks, double factor)
    {
        using var run = new TinyRun();
        var plan = Cliff(-0.1f, guard: new GuardOptions { CollapseWindow = 3, MaxRollbacks = maxRollbacks, RollbackLearningRate = factor });
        var error = Assert.Throws<DivergedException>(() => run.Train(plan));
        Assert.Contains("diverged at epoch", error.Message, StringComparison.Ordinal);
        var status = run.Folder.ReadStatus()!;
        Assert.Equal((RunState.Diverged, error.Message, maxRollbacks), (status.Status, status.LastError, status.Rollbacks));
    }

    [Fact]
    public void Checkpoints_after_the_one_that_training_went_back_to_are_gone()
    {
        using var run = new TinyRun();
        var best = "";
        run.Train(Cliff(-0.15f), stepped: facts =>
        {
            if (run.Warnings.Count == 1 && best.Length == 0)
            {
                best = File.ReadAllText(Path.Combine(run.Folder.Checkpoints, "best")).Trim();
                Assert.Equal(best, run.Checkpoints[^1]);
                Assert.Equal(best, run.Latest.Name);
                Assert.Equal((1, 0.5), (run.Latest.Manifest.Guard!.Rollbacks, run.Latest.Manifest.Guard.LearningRateFactor));
            }
        });
        Assert.NotEmpty(best);
    }

    [Fact]
    public void What_generated_best_after_the_checkpoint_that_training_went_back_to_is_forgotten()
    {
        using var run = new TinyRun();
        var best = Path.Combine(run.Folder.Checkpoints, "best_generation");
        var seen = false;
        // each epoch is better than the one before
        var generation = new TrainingGeneration(
            new TrainingGenerationOptions { Every = 1 }, new SamplingOptions { Count = 1 },
            TinyRun.Part<ISampler>("training.generation", new OneCallSampler()),
            [TinyRun.Part<IMetric>("training.generation", new Scripted([.. Enumerable.Range(0, 100).Select(i => -(double)i)]))]);

        var status = run.Train(Cliff(-0.15f) with { TrainingGeneration = generation }, stepped: facts =>
        {
            if (run.Warnings.Count == 0 || seen)
                return;
            seen = true;
            Assert.False(File.Exists(best));
            Assert.Null(run.Latest.Manifest.BestGeneration);
        });

        Assert.True(seen);
        Assert.Equal(24, status.BestGeneration!.Epoch);
        Assert.Equal(run.Latest.Name, run.Folder.OpenCheckpoint("best_generation", Assert.Fail).Name);
    }

    [Fact]
    public void Run_killed_right_after_it_went_back_goes_on_as_if_it_had_not()
    {
        using var straight = new TinyRun();
        using var killed = new TinyRun();
        straight.Train(Cliff(-0.15f));
        Assert.Throws<TimeoutException>(() => killed.Train(Cliff(-0.15f), stepped: _ =>
        {
            if (killed.Warnings.Count == 1)
                throw new TimeoutException("killed");
        }));
        killed.Train(Cliff(-0.15f), resume: true);
        AssertSame(straight, killed);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(9)]
    public void Run_that_skips_steps_and_is_resumed_ends_as_if_never_stopped(long stopAfter)
    {
        using var straight = new TinyRun();
        using var stopped = new TinyRun();
        var plan = Failing(new GuardOptions());
        Assert.InRange(straight.Train(plan).SkippedSteps, 2, 12);
        stopped.Train(plan, stopAfter: stopAfter);
        stopped.Train(plan, resume: true);
        AssertSame(straight, stopped);
    }

    [Fact]
    public void Step_that_is_not_finite_moves_no_weight_and_is_counted()
    {
        using var run = new TinyRun();
        var status = run.Train(Failing(new GuardOptions()));
        var (taken, skipped) =
            (run.Steps.Where(s => double.IsFinite(s.Loss)).ToArray(), run.Steps.Where(s => !double.IsFinite(s.Loss)).ToArray());
        Assert.NotEmpty(skipped);
        Assert.All(skipped, step => Assert.Equal(1, step.Measures!["guard/skipped"]));
        Assert.All(taken, step => Assert.Null(step.Measures));
        Assert.Equal(skipped.Length, status.SkippedSteps);
        foreach (var epoch in run.Metrics.Where(e => e.Kind == "epoch"))
        {
            Assert.Equal(taken.Where(s => s.Epoch == epoch.Epoch - 1).Average(s => s.Loss), epoch.Loss, 12);
            Assert.Equal(skipped.Count(s => s.Epoch == epoch.Epoch - 1), epoch.Measures!.GetValueOrDefault("guard/skipped"));
        }

        Assert.Equal(taken.Length, run.Scalar("optimizer", "bias.step"));
    }

    [Fact]
    public void Losses_that_are_never_finite_again_end_the_run_as_diverged()
    {
        using var run = new TinyRun();
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            return bias.item<float>() < 0.455f ? answer * S(double.NaN) : answer;
        }));
        plan = plan with { Training = plan.Training with { Epochs = 20, Guard = new GuardOptions { MaxNonfinite = 3 } } };
        var error = Assert.Throws<DivergedException>(() => run.Train(plan, validate: false));
        Assert.Contains("not finite in 3 steps in a row", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, run.Folder.ReadStatus()!.Rollbacks);
        Assert.True(float.IsFinite(run.Scalar("denoiser", "bias")));
    }

    [Fact]
    public void Losses_that_are_never_finite_end_the_run_as_diverged_and_the_network_is_named()
    {
        using var run = new TinyRun();
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) => noisy * bias * S(double.NaN)));
        plan = plan with { Training = plan.Training with { Guard = new GuardOptions { MaxNonfinite = 3 } } };
        var error = Assert.Throws<DivergedException>(() => run.Train(plan, validate: false));
        Assert.Contains("at step 1, the samples and the weights are finite", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, run.Folder.ReadStatus()!.Rollbacks);
        Assert.All(run.Warnings, warning => Assert.Contains("going on from", warning, StringComparison.Ordinal));
    }

    /// <summary>
    /// A bias that falls by the learning rate in each of the first steps; what it must not fall below is reached only with the whole one.
    /// </summary>
    private ExperimentPlan EarlyCliff()
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            return bias.item<float>() < 0.39f ? answer * S(double.NaN) : answer;
        }));
        return plan with
        {
            Training = plan.Training with { Epochs = 1, LearningRate = 0.06, Guard = new GuardOptions { MaxNonfinite = 1 } },
        };
    }

    [Fact]
    public void Losses_that_are_not_finite_before_the_first_checkpoint_send_the_run_back_to_its_beginning()
    {
        using var run = new TinyRun();
        var status = run.Train(EarlyCliff(), validate: false);
        Assert.Equal((RunState.Completed, 1), (status.Status, status.Rollbacks));
        Assert.Contains("going on from the beginning with 0.5 of the learning rate", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal([1L, 2, 3, 4], run.Steps.Select(step => step.Step));
        Assert.All(run.Steps, step => Assert.Equal(0.03, step.LearningRate));

        // the same as a run that had the smaller learning rate from the start
        using var slow = new TinyRun();
        slow.Train(EarlyCliff() with { Training = EarlyCliff().Training with { LearningRate = 0.03 } }, validate: false);
        Assert.Equal(slow.Component("denoiser"), run.Component("denoiser"));
        Assert.Equal(slow.Steps.Select(step => step.Loss), run.Steps.Select(step => step.Loss));
    }

    [Fact]
    public void Run_killed_after_it_began_again_goes_on_with_the_smaller_learning_rate()
    {
        using var straight = new TinyRun();
        using var killed = new TinyRun();
        straight.Train(EarlyCliff(), validate: false);
        Assert.Throws<TimeoutException>(() => killed.Train(EarlyCliff(), validate: false, stepped: _ =>
        {
            if (killed.Warnings.Count == 1)
                throw new TimeoutException("killed");
        }));
        killed.Train(EarlyCliff(), resume: true, validate: false);
        AssertSame(straight, killed);
    }

    [Fact]
    public void Losses_that_are_finite_at_first_are_blamed_on_the_learning_rate()
    {
        using var run = new TinyRun();
        var plan = EarlyCliff();
        plan = plan with { Training = plan.Training with { Guard = new GuardOptions { MaxNonfinite = 1, MaxRollbacks = 0 } } };
        var error = Assert.Throws<DivergedException>(() => run.Train(plan, validate: false));
        Assert.Contains("at step 3, the 2 steps before it were finite; use a lower learning_rate", error.Message, StringComparison.Ordinal);
    }

    private static void AssertSame(TinyRun expected, TinyRun actual)
    {
        var (a, b) = (expected.Latest.Manifest, actual.Latest.Manifest);
        Assert.Equal(a.Files, b.Files);
        Assert.Equal(JsonSerializer.Serialize(a.Guard, AtomicFile.Json), JsonSerializer.Serialize(b.Guard, AtomicFile.Json));
        Assert.Equal(a.Position with { TrainingSeconds = 0 }, b.Position with { TrainingSeconds = 0 });
        Assert.Equal(Lines(expected), Lines(actual));
    }

    private static string[] Lines(TinyRun run) =>
        [
            .. run.Metrics.Select(
                e => $"{e.Kind} {e.Step} {e.Epoch} {e.Loss:R} {e.GradientNorm:R} {e.LearningRate:R} {e.ValidationLoss:R} "
                    + $"{e.Measures?.GetValueOrDefault("guard/skipped"):R}"),
        ];
}
