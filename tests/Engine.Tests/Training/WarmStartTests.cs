using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>Training that starts from weights which another run trained.</summary>
[Collection(Alone.Name)]
public sealed class WarmStartTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _first = new(), _second = new();

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private ExperimentPlan Plan(bool average)
    {
        var plan = TinyRun.Plan(cohort, new ConvArchitecture());
        return plan with
        {
            Training = plan.Training with { Ema = average ? new EmaOptions { Decay = 0.5, UpdateAfter = 0, UpdateEvery = 1 } : null },
        };
    }

    private void Copy(string name, string component) =>
        new FrozenParts(_second.Folder).Copy(name, _first.Folder.Path, _first.Latest.Name, component, _first.Latest.File(component));

    /// <summary>A task of the second run before its first step.</summary>
    private T Started<T>(ExperimentPlan plan, Func<DiffusionTask, T> use)
    {
        using var random = new RandomStreams(plan.Training.Seed);
        var validation = TinyRun.Volumes(plan, Cohort.Open(plan.Data.Cohort), Cohort.Val);
        using var task = new DiffusionTask(plan, validation, TinyRun.Context(plan, random), new FrozenParts(_second.Folder));
        return use(task);
    }

    private static ExperimentPlan From(ExperimentPlan plan) => plan with { Training = plan.Training with { From = "the first" } };

    [Theory]
    [InlineData(true, "ema")]
    [InlineData(false, "denoiser")]
    public void Loss_before_the_first_step_is_that_of_the_run_that_it_starts_from(bool average, string component)
    {
        var ended = _first.Train(Plan(average));
        Assert.Equal(ended.Epoch, ended.Best!.Epoch); // the last weights are the best

        Copy(FrozenParts.Start, component);

        Assert.Equal(ended.Best.Loss, Started(From(Plan(average)), task => task.Validate()!.Loss));
        Assert.NotEqual(ended.Best.Loss, Started(Plan(average), task => task.Validate()!.Loss));
    }

    [Fact]
    public void Average_begins_at_the_weights_that_were_taken()
    {
        _first.Train(Plan(average: false));
        Copy(FrozenParts.Start, "denoiser");

        var average = Started(
            From(Plan(average: true)),
            task => task.Modules[0].Average!.State.ToDictionary(entry => entry.Key, entry => entry.Value.data<float>().ToArray()));

        Assert.Equal(_first.Component("denoiser"), average);
    }

    [Fact]
    public void Moments_are_taken_over_only_where_they_were_copied()
    {
        _first.Train(Plan(average: false));
        Copy(FrozenParts.Start, "denoiser");
        Assert.All(Steps(), steps => Assert.Equal(0, steps));

        Copy(FrozenParts.StartOptimizerOf(FrozenParts.Start), "optimizer");

        Assert.All(Steps(), steps => Assert.Equal(_first.Latest.Manifest.Position.Step, steps));

        long[] Steps() =>
            Started(
                From(Plan(average: false)),
                task => task.Modules[0].Optimizer.State.Where(entry => entry.Key.EndsWith(".step", StringComparison.Ordinal))
                    .Select(entry => (long)entry.Value.item<float>()).ToArray());
    }

    [Fact]
    public void Weights_that_were_lost_are_named()
    {
        var lost = Assert.Throws<RunFolderException>(() => Started(From(Plan(average: false)), task => task.Modules.Count));
        Assert.Contains("says no more where the start is from", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_of_a_denoiser_that_control_keeps_frozen_is_refused()
    {
        var draft = TinyRun.Draft(cohort, new ModulatedArchitecture());
        var refused = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(draft with
        {
            Condition = draft.Condition with { Control = new ControlNetOptions() },
            Training = draft.Training with { From = "exp1" },
        }));
        Assert.Equal(("training", "from"), (refused.Section, refused.Key));
    }

    [Theory]
    [InlineData("latest", StartingWeights.Average, false)]
    [InlineData("best", StartingWeights.Raw, false)]
    [InlineData("best", StartingWeights.Average, true)]
    public void Choice_among_the_weights_of_no_run_is_refused(string checkpoint, StartingWeights weights, bool optimizer)
    {
        var draft = TinyRun.Draft(cohort);
        var refused = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(draft with
        {
            Training = draft.Training with { FromCheckpoint = checkpoint, FromWeights = weights, FromOptimizer = optimizer },
        }));
        var option = optimizer ? "from_optimizer" : weights == StartingWeights.Raw ? "from_weights" : "from_checkpoint";
        Assert.StartsWith($"{option} says what is taken of the run that from names", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith($"set from, or remove {option}", refused.Message, StringComparison.Ordinal);
    }
}
