using System.Text.Json;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training.Guards;

public sealed class TrainingGuardTests
{
    private static TrainingGuard Warm()
    {
        var guard = new TrainingGuard(new GuardOptions());
        for (var i = 0; i < 200; i++)
        {
            guard.Allows("denoiser", 1, 1);
            guard.Allows("discriminator", 1, 1000);
        }

        return guard;
    }

    [Fact]
    public void Optimisers_have_a_usual_norm_each()
    {
        var guard = Warm();
        Assert.True(guard.Allows("discriminator", 1, 1000));
        Assert.False(guard.Allows("denoiser", 1, 1000));
        Assert.Equal(1, guard.Skipped);
    }

    [Fact]
    public void State_goes_through_json_unchanged()
    {
        var guard = Warm();
        guard.Allows("denoiser", 1, 1e6);
        guard.Allows("denoiser", double.NaN, double.NaN);
        guard.EndEpoch(1.0 / 3, new DiffusionValidation(0.1, 1, [], []));
        var json = JsonSerializer.Serialize(guard.State, AtomicFile.Json);
        var other = new TrainingGuard(new GuardOptions());
        other.Restore(JsonSerializer.Deserialize<GuardState>(json, AtomicFile.Json));
        Assert.Equal(json, JsonSerializer.Serialize(other.State, AtomicFile.Json));
        Assert.Equal(2, other.Skipped);
    }

    [Fact]
    public void Going_back_halves_the_learning_rate_and_keeps_the_counts()
    {
        var guard = Warm();
        var checkpoint = guard.State;
        for (var i = 0; i < 10; i++)
            guard.Allows("denoiser", double.NaN, double.NaN);
        Assert.NotNull(guard.Incident);
        Assert.False(guard.Collapsed);
        guard.GoBack(checkpoint);
        guard.GoBack(checkpoint);
        Assert.Null(guard.Incident);
        Assert.Equal((0.25, 2, 10L), (guard.LearningRateFactor, guard.Rollbacks, guard.Skipped));
        Assert.False(guard.Allows("denoiser", 1, 1e6)); // and knows what is usual
    }

    [Fact]
    public void Another_loss_starts_afresh()
    {
        var guard = Warm();
        guard.EndEpoch(0.01, null);
        guard.Enter(1);
        Assert.True(guard.Allows("denoiser", 1, 1e6));
        for (var epoch = 0; epoch < 20; epoch++)
            guard.EndEpoch(1, null);
        Assert.Null(guard.Incident);
    }

    [Fact]
    public void Collapse_is_told_from_failing_steps()
    {
        var guard = Warm();
        guard.EndEpoch(0.01, null);
        for (var epoch = 0; epoch < 10; epoch++)
            guard.EndEpoch(1, null);
        Assert.True(guard.Collapsed);
        Assert.Contains("training loss", guard.Incident, StringComparison.Ordinal);
    }
}
