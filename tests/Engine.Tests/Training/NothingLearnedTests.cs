using TorchSharp;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>A training that came to its end with the weights of its beginning is no success.</summary>
[Collection(Alone.Name)]
public sealed class NothingLearnedTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    // a guard that would wait for more failures than there are steps
    private ExperimentPlan Patient(Func<torch.Tensor, torch.Tensor, torch.Tensor> answer, int epochs = 2)
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
            answer(FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias), bias)));
        return plan with
        {
            Training = plan.Training with { Epochs = epochs, Guard = new GuardOptions { MaxNonfinite = 100, MaxSkipShare = 1 } },
        };
    }

    [Fact]
    public void Run_whose_steps_were_all_skipped_is_failed()
    {
        using var run = new TinyRun();

        var error = Assert.Throws<NothingLearnedException>(
            () => run.Train(Patient((answer, _) => answer * S(double.NaN)), validate: false));

        Assert.StartsWith(
            "none of the 8 steps moved a weight, because the guard skipped them: nothing was learned; at step 1, ",
            error.Message,
            StringComparison.Ordinal);
        var status = run.Folder.ReadStatus()!;
        Assert.Equal((RunState.Failed, error.Message, 8L), (status.Status, status.LastError, status.SkippedSteps));
        Assert.Equal(0, run.Latest.Manifest.Position.MovedSteps);
    }

    [Fact]
    public void Run_whose_gradient_is_always_zero_is_failed()
    {
        using var run = new TinyRun();

        var error = Assert.Throws<NothingLearnedException>(
            () => run.Train(Patient((answer, bias) => answer.detach() + bias * S(0.0)), validate: false));

        Assert.StartsWith("none of the 8 steps moved a weight, because the gradient was zero: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(RunState.Failed, run.Folder.ReadStatus()!.Status);
    }

    [Fact]
    public void Run_that_learned_before_its_last_segment_was_skipped_is_failed()
    {
        using var run = new TinyRun();
        run.Train(Patient((answer, _) => answer, epochs: 1), validate: false);

        var error = Assert.Throws<NothingLearnedException>(() =>
            run.Train(Patient((answer, _) => answer * S(double.NaN)), resume: true, validate: false));

        Assert.StartsWith(
            "none of the 4 steps since the run went on moved a weight, because the guard skipped them: ",
            error.Message,
            StringComparison.Ordinal);
        var status = run.Folder.ReadStatus()!;
        Assert.Equal((RunState.Failed, 4L, 8L), (status.Status, status.SkippedSteps, status.Step));
        // nothing to do is no failure
        Assert.Equal(RunState.Completed, run.Train(Patient((answer, _) => answer), resume: true, validate: false).Status);
    }
}
