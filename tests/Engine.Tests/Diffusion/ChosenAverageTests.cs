using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Tests.Diffusion;

/// <summary>
/// Averages whose length is chosen after training (arXiv:2312.02696); the network's one weight goes its way from 0.5 to 0.
/// </summary>
[Collection(Alone.Name)]
public sealed class ChosenAverageTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    [Fact]
    public void Kept_length_is_loaded_and_any_other_is_what_training_would_have_kept()
    {
        using var run = new TinyRun();
        run.Train(Plan([0.05, 0.15]));
        using var direct = new TinyRun();
        direct.Train(Plan([0.1]));

        var (kept, name, _) = Load(run, Plan([0.05, 0.15]), 0.05);
        var (made, made_name, sha) = Load(run, Plan([0.05, 0.15]), 0.1);

        Assert.Equal((run.Scalar("ema_0.05", "bias"), "ema_0.05"), (kept, name));
        Assert.Equal(direct.Scalar("ema_0.1", "bias"), made, 2e-3);
        Assert.NotInRange(Math.Abs(direct.Scalar("ema_0.1", "bias") - direct.Scalar("denoiser", "bias")), 0, 1e-2); // it is no mean feat
        Assert.Equal(("ema_0.1 of 20 averages", 64), (made_name, sha.Length));
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void Averages_go_on_where_they_stopped()
    {
        using var whole = new TinyRun();
        whole.Train(Plan([0.05]));
        using var parts = new TinyRun();
        parts.Train(Plan([0.05]), stopAfter: 17);
        parts.Train(Plan([0.05]), resume: true);

        Assert.Equal(whole.Scalar("ema_0.05", "bias"), parts.Scalar("ema_0.05", "bias"));
    }

    [Fact]
    public void Length_that_is_far_off_is_said_to_be_and_a_run_without_any_is_refused()
    {
        using var run = new TinyRun();
        run.Train(Plan([0.05]) with { Training = Plan([0.05]).Training with { KeepCheckpoints = 1 } });
        Load(run, Plan([0.05]), 0.25);
        Assert.Contains("% off; keep more checkpoints", Assert.Single(run.Warnings), StringComparison.Ordinal);

        using var without = new TinyRun();
        without.Train(Plan(null));
        Assert.Contains(
            "training.ema_lengths",
            Assert.Throws<RunFolderException>(() => Load(without, Plan(null), 0.1)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.001)]
    public void Length_that_there_is_not_is_refused(double length) =>
        Assert.Equal("ema_lengths", Assert.Throws<PlanException>(() => ExperimentPlan.Compose(Plan([length]))).Key);

    private ExperimentPlan Plan(IReadOnlyList<double>? lengths)
    {
        var plan = TinyRun.Plan(cohort);
        return plan with { Training = plan.Training with { Epochs = 10, EmaLengths = lengths, KeepCheckpoints = 100 } };
    }

    private static (float Bias, string Weights, string Sha256) Load(TinyRun run, ExperimentPlan plan, double length)
    {
        using var random = new RandomStreams(1);
        using var trained = TrainedModel.Load(run.Folder, plan, TinyRun.Context(plan, random), run.Latest, length, run.Warnings.Add);
        return (Weights.Of(trained.Model.Denoiser)["bias"].data<float>()[0], trained.Weights, trained.Sha256);
    }
}
