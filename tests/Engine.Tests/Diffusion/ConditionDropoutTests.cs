using TorchSharp;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class ConditionDropoutTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    /// <summary>Smallest and largest value of each condition that the network saw in training.</summary>
    private List<(float Low, float High)> Seen(double dropout, int epochs)
    {
        var seen = new List<(float, float)>();
        var spy = new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            foreach (var image in conditioning.Image!.unbind(0))
                seen.Add((image.min().item<float>(), image.max().item<float>()));
            return FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
        });
        var plan = TinyRun.Plan(cohort, spy);
        using var run = new TinyRun();
        run.Train(
            plan with
            {
                Condition = plan.Condition with { Dropout = dropout },
                Training = plan.Training with { BatchSize = 4, Epochs = epochs, CheckpointEvery = 100 },
            },
            validate: false);
        return seen;
    }

    [Fact]
    public void None_keeps_every_condition() => Assert.All(Seen(0, 3), image => Assert.True(image.Low > 0.29f));

    [Fact]
    public void All_replaces_every_condition_by_zeros() => Assert.All(Seen(1, 3), image => Assert.Equal((0f, 0f), image));

    [Fact]
    public void Some_drops_whole_conditions_of_single_samples_at_the_given_rate()
    {
        var seen = Seen(0.3, 30);
        Assert.All(seen, image => Assert.True(image == (0f, 0f) || image is { Low: > 0.29f, High: < 0.71f }));
        // 120 draws: four standard deviations are 0.17
        Assert.InRange(seen.Count(image => image.High == 0) / 120.0, 0.3 - 0.17, 0.3 + 0.17);
        Assert.Contains(seen.Chunk(4), batch => batch.Any(image => image.High == 0) && batch.Any(image => image.High > 0));
    }

    [Fact]
    public void Validation_never_drops()
    {
        var lows = new List<float>();
        var spy = new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            if (!torch.is_grad_enabled())
                lows.AddRange(conditioning.Image!.amin([1, 2, 3, 4]).data<float>().ToArray()); // of each timestep
            return FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
        });
        var plan = TinyRun.Plan(cohort, spy);
        using var run = new TinyRun();
        run.Train(plan with { Condition = plan.Condition with { Dropout = 1 } });
        Assert.Equal(2 * 2 * (4 + 4), lows.Count); // epochs, volumes, timesteps that count and that are logged
        Assert.All(lows, low => Assert.True(low > 0.29f));
    }
}
