using TorchSharp;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Training;

[Collection(Alone.Name)]
public sealed class DivergenceTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    /// <summary>
    /// The oracle until its bias falls below 0.455, which takes five steps of 0.01; then <paramref name="broken"/>. Nothing guards it.
    /// </summary>
    private ExperimentPlan Breaking(Func<torch.Tensor, torch.Tensor, torch.Tensor> broken)
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            return bias.item<float>() < 0.455f ? broken(answer, bias) : answer;
        }));
        return plan with { Training = plan.Training with { Guard = new GuardOptions { Enabled = false } } };
    }

    [Fact]
    public void Loss_that_is_not_a_number_ends_the_run_as_diverged()
    {
        using var run = new TinyRun();
        var plan = Breaking((answer, _) => answer * S(double.NaN));
        var error = Assert.Throws<DivergedException>(() => run.Train(plan, validate: false));
        Assert.Contains("step 6", error.Message, StringComparison.Ordinal);
        var status = run.Folder.ReadStatus()!;
        Assert.Equal((RunState.Diverged, error.Message, 5L), (status.Status, status.LastError, status.Step));
    }

    [Fact]
    public void Diverged_run_keeps_the_checkpoint_before_and_writes_none_of_the_broken_state()
    {
        using var run = new TinyRun();
        Assert.Throws<DivergedException>(() => run.Train(Breaking((answer, _) => answer * S(double.NaN)), validate: false));
        Assert.Equal(["step-00000004"], run.Checkpoints);
        Assert.True(float.IsFinite(run.Scalar("denoiser", "bias")));
    }

    [Fact]
    public void Gradient_that_is_not_finite_ends_the_run_before_it_moves_a_weight()
    {
        using var run = new TinyRun();
        // sqrt(b − b) is 0 with an infinite slope
        var plan = Breaking((answer, bias) => answer + (bias - bias.detach()).sqrt());
        var error = Assert.Throws<DivergedException>(() => run.Train(plan, validate: false));
        Assert.Contains("gradient", error.Message, StringComparison.Ordinal);
        Assert.Equal(RunState.Diverged, run.Folder.ReadStatus()!.Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Weights_that_are_not_finite_end_the_run_as_diverged_and_are_in_no_checkpoint(bool guard)
    {
        using var run = new TinyRun();
        var plan = TinyRun.Plan(cohort);
        // one step leads to infinity, and no guard would count four skipped ones
        plan = plan with
        {
            Training = plan.Training with
            {
                Epochs = 1, LearningRate = 1e300, Guard = new GuardOptions { Enabled = guard, MaxNonfinite = 100, MaxSkipShare = 1 },
            },
        };

        var error = Assert.Throws<DivergedException>(() => run.Train(plan));

        Assert.Contains(
            guard ? "diverged at epoch 1: weights of the denoiser are not finite" : "at step 2", error.Message, StringComparison.Ordinal);
        Assert.Equal(RunState.Diverged, run.Folder.ReadStatus()!.Status);
        Assert.All(run.Checkpoints, _ => Assert.True(float.IsFinite(run.Scalar("denoiser", "bias"))));
    }

    [Fact]
    public void Validation_that_is_no_longer_finite_sends_the_run_back_to_the_best_checkpoint()
    {
        // the bias falls by 0.01 a step: to 0.46 in the first epoch, and in the second to 0.42, or 0.44 at half the learning rate
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            return !torch.is_grad_enabled() && bias.item<float>() < 0.43f ? answer * S(double.NaN) : answer;
        }));
        using var run = new TinyRun();

        var status = run.Train(plan);

        Assert.Equal((RunState.Completed, 1, 2), (status.Status, status.Rollbacks, status.Best!.Epoch));
        var warning = Assert.Single(run.Warnings);
        Assert.Contains("diverged at epoch 2: the validation loss is NaN, after ", warning, StringComparison.Ordinal);
        Assert.Contains("going on from step-00000004 with 0.5 of the learning rate", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 0.455f)] // the last of two validations, with nothing that guards
    [InlineData(true, 1f)] // both, so that the guard knows none to go back to
    public void Run_that_ends_without_a_finite_validation_says_so(bool guard, float below)
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            return !torch.is_grad_enabled() && bias.item<float>() < below ? answer * S(double.NaN) : answer;
        }));
        plan = plan with { Training = plan.Training with { Guard = new GuardOptions { Enabled = guard } } };
        using var run = new TinyRun();

        var status = run.Train(plan);

        Assert.Equal((RunState.Completed, guard ? 2 : 1), (status.Status, status.NonFiniteValidations));
        const string sentence = "the validation loss of epoch 2 is NaN, though all weights are finite";
        Assert.StartsWith(sentence, status.LastError, StringComparison.Ordinal);
        Assert.StartsWith($"the validation loss of epoch {(guard ? 1 : 2)} is NaN", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(status.LastError, run.Folder.ReadStatus()!.LastError);
    }

    [Fact]
    public void Validation_that_is_not_finite_is_never_the_best()
    {
        var plan = TinyRun.Plan(cohort, new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            var broken = !torch.is_grad_enabled() && bias.item<float>() > 0.455f; // the first of two validations
            return broken ? answer * S(double.NaN) : answer;
        }));
        using var run = new TinyRun();
        var status = run.Train(plan);
        Assert.Equal((2, 1, null), (status.Best!.Epoch, status.NonFiniteValidations, status.LastError));
        Assert.Equal("step-00000008\n", File.ReadAllText(Path.Combine(run.Folder.Checkpoints, "best")));
    }
}
