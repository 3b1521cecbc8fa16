using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Events;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Training;

[Collection(Alone.Name)]
public sealed class ResumeTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    /// <summary>
    /// Everything random there is: a dropout layer, condition dropout, shuffling, noise and timesteps; an
    /// average and a moving learning rate.
    /// </summary>
    private ExperimentPlan Plan => Random(TinyRun.Plan(cohort, new ConvArchitecture()));

    private static ExperimentPlan Random(ExperimentPlan plan) => plan with
    {
        Architecture = plan.Architecture with { Options = (ConvOptions)plan.Architecture.Options with { Dropout = 0.2 } },
        Condition = plan.Condition with { Dropout = 0.3 },
        Training = plan.Training with
        {
            Epochs = 4,
            Schedule = LearningRateSchedule.Cosine,
            Ema = new EmaOptions { Decay = 0.9, UpdateAfter = 2, UpdateEvery = 3 },
        },
    };

    private static string[] Losses(TinyRun run) =>
        [.. run.Metrics.Select(e => $"{e.Kind} {e.Step} {e.Epoch} {e.Loss:R} {e.GradientNorm:R} {e.LearningRate:R} {e.ValidationLoss:R}")];

    private static void AssertSameCheckpoint(TinyRun expected, TinyRun actual)
    {
        var (a, b) = (expected.Latest.Manifest, actual.Latest.Manifest);
        Assert.Equal(a.Files, b.Files); // sizes and hashes of weights, average and moments
        Assert.Equal(a.Random.Keys, b.Random.Keys);
        Assert.All(a.Random, stream => Assert.Equal(stream.Value, b.Random[stream.Key]));
        Assert.Equal(a.Best, b.Best);
        Assert.Equal(a.Position with { TrainingSeconds = 0 }, b.Position with { TrainingSeconds = 0 });
    }

    [Theory]
    [InlineData(8)] // between two epochs
    [InlineData(6)] // within an epoch
    [InlineData(1)]
    [InlineData(15)]
    public void Run_stopped_and_resumed_ends_as_if_never_stopped(long stopAfter)
    {
        using var straight = new TinyRun();
        using var stopped = new TinyRun();
        straight.Train(Plan);
        Assert.Equal(RunState.TimeLimit, stopped.Train(Plan, stopAfter: stopAfter).Status);
        Assert.Equal(stopAfter, stopped.Latest.Manifest.Position.Step);
        Assert.Equal(RunState.Completed, stopped.Train(Plan, resume: true).Status);
        AssertSameCheckpoint(straight, stopped);
        Assert.Equal(Losses(straight), Losses(stopped));
        Assert.Empty(stopped.Warnings);
    }

    [Fact]
    public void Learning_rate_that_falls_on_plateaus_goes_on_where_it_stopped()
    {
        // a rate at which validation gets no better by a ten thousandth
        var training = Plan.Training with
        {
            Schedule = LearningRateSchedule.Plateau,
            LearningRate = 1e-7,
            MinLearningRate = 0,
            Plateau = new PlateauOptions { Patience = 0 },
        };
        var plan = Plan with { Training = training };
        using var straight = new TinyRun();
        using var stopped = new TinyRun();
        straight.Train(plan);
        stopped.Train(plan, stopAfter: 10);
        stopped.Train(plan, resume: true);

        AssertSameCheckpoint(straight, stopped);
        Assert.Equal(Losses(straight), Losses(stopped));
        Assert.Equal(
            [1e-7, 1e-7, 0.5e-7, 0.25e-7],
            straight.Metrics.Where(e => e.Kind == "epoch").Select(e => e.LearningRate),
            (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void Plateau_without_validation_is_refused()
    {
        using var run = new TinyRun();
        var plan = Plan with { Training = Plan.Training with { Schedule = LearningRateSchedule.Plateau } };
        Assert.Equal("schedule", Assert.Throws<Abstractions.PlanException>(() => run.Train(plan, validate: false)).Key);
    }

    [Fact]
    public void Run_stopped_at_the_end_of_an_epoch_that_has_no_checkpoint_writes_one()
    {
        var plan = Plan with { Training = Plan.Training with { CheckpointEvery = 100, ValidateEvery = 100 } };
        using var run = new TinyRun();
        run.Train(plan, stopAfter: 4);
        Assert.Equal(4, run.Latest.Manifest.Position.Step);
    }

    [Fact]
    public void Run_killed_after_a_checkpoint_replays_what_was_lost()
    {
        var plan = Plan;
        using var straight = new TinyRun();
        using var killed = new TinyRun();
        straight.Train(plan);
        Assert.Throws<TimeoutException>(() => killed.Train(plan, stepped: facts => Kill(facts.Step)));
        Assert.Equal(RunState.Failed, killed.Folder.ReadStatus()!.Status);
        killed.Train(plan, resume: true);
        AssertSameCheckpoint(straight, killed);
        Assert.Equal(Losses(straight), Losses(killed));

        static void Kill(long step)
        {
            if (step == 11)
                throw new TimeoutException("killed");
        }
    }

    [Fact]
    public void Run_killed_after_a_checkpoint_has_each_step_and_epoch_of_TensorBoard_once()
    {
        var plan = Plan with { Training = Plan.Training with { CheckpointEvery = 2, ValidateEvery = 100 } };
        using var straight = new TinyRun();
        using var killed = new TinyRun();
        straight.Train(plan);
        Assert.Throws<TimeoutException>(() => killed.Train(plan, stepped: facts =>
        {
            if (facts.Step == 14) // in the fourth epoch; the checkpoint is of the second
                throw new TimeoutException("killed");
        }));
        killed.Train(plan, resume: true);
        Assert.Equal(Numbers(straight).Order(), Numbers(killed).Order());

        static IEnumerable<(long Step, string? Tag)> Numbers(TinyRun run) => Directory.GetFiles(run.Folder.Events).SelectMany(path =>
        {
            using var file = File.OpenRead(path);
            return EventRecord.Read(file).Select(data => ScalarEvent.Read(data)).Where(e => e.Tag is not null).ToArray();
        });
    }

    [Fact]
    public void Run_resumed_when_complete_changes_nothing()
    {
        using var run = new TinyRun();
        run.Train(Plan);
        var (before, losses) = (run.Latest.Manifest.Files, Losses(run));
        Assert.Equal(RunState.Completed, run.Train(Plan, resume: true).Status);
        Assert.Equal(before, run.Latest.Manifest.Files);
        Assert.Equal(losses, Losses(run));
    }

    [Fact]
    public void Run_resumed_without_a_checkpoint_starts_anew()
    {
        using var straight = new TinyRun();
        using var resumed = new TinyRun();
        straight.Train(Plan);
        resumed.Train(Plan, resume: true);
        AssertSameCheckpoint(straight, resumed);
    }

    [Fact]
    public void Run_resumed_keeps_when_it_was_started()
    {
        using var run = new TinyRun();
        var started = run.Train(Plan, stopAfter: 2).Started;
        Assert.Equal(started, run.Train(Plan, resume: true).Started);
    }

    [Fact]
    public void Validation_frequency_does_not_change_the_weights()
    {
        using var often = new TinyRun();
        using var never = new TinyRun();
        often.Train(Plan with { Training = Plan.Training with { ValidationTimesteps = 7 } });
        never.Train(Plan, validate: false);
        Assert.Equal(often.Latest.Manifest.Files, never.Latest.Manifest.Files);
    }

    [Fact]
    public void Same_seed_gives_the_same_weights()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(Plan);
        second.Train(Plan);
        AssertSameCheckpoint(first, second);
    }

    [Fact]
    public void Another_seed_gives_other_weights()
    {
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(Plan);
        second.Train(Plan with { Training = Plan.Training with { Seed = 43 } });
        Assert.NotEqual(first.Latest.Manifest.Files["denoiser.safetensors"], second.Latest.Manifest.Files["denoiser.safetensors"]);
    }
}
