using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training;

public sealed class LearningRateTests
{
    private static readonly TrainingOptions Options = new() { Epochs = 105, WarmupEpochs = 5, LearningRate = 1e-4, MinLearningRate = 1e-6 };

    [Theory]
    [InlineData(0, 0.1e-4)]
    [InlineData(1, 0.28e-4)]
    [InlineData(4, 0.82e-4)]
    [InlineData(5, 1e-4)] // the cosine starts at the peak
    [InlineData(55, 0.505e-4)] // half-way: the mean of both ends
    [InlineData(105, 1e-6)]
    [InlineData(1000, 1e-6)]
    public void At_follows_warm_up_and_cosine(int epoch, double expected) =>
        Assert.Equal(expected, LearningRate.At(Options, epoch), 12);

    [Fact]
    public void At_constant_schedule_stays_at_the_peak() =>
        Assert.Equal(1e-4, LearningRate.At(Options with { Schedule = LearningRateSchedule.Constant }, 104));

    // PyTorch's ReduceLROnPlateau(factor 0.5, patience 2): the third validation in a row without a better one halves the rate
    [Fact]
    public void Plateau_halves_the_rate_after_more_than_so_many_validations_that_are_no_better()
    {
        var plateau = new PlateauSchedule(
            Options with { Schedule = LearningRateSchedule.Plateau, Plateau = new PlateauOptions { Patience = 2 } });
        double[] losses = [1.0, 0.9, 0.95, 0.89999, 0.91, 0.8, 0.81, 0.82, 0.83, double.NaN, 0.84, 0.85];
        //                             waits 1,  0.001 % better is not better: 2, falls, better, 1, 2, falls, 1, 2, falls
        double[] factors = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125];

        Assert.Equal(factors, losses.Select(loss =>
        {
            plateau.Observe(loss);
            return plateau.Factor;
        }));
    }

    [Fact]
    public void Plateau_falls_no_further_than_the_smallest_rate_and_goes_on_where_it_stopped()
    {
        var options = Options with
        {
            Schedule = LearningRateSchedule.Plateau,
            MinLearningRate = 4e-5,
            Plateau = new PlateauOptions { Patience = 0 },
        };
        var (plateau, other) = (new PlateauSchedule(options), new PlateauSchedule(options));
        foreach (var loss in new[] { 1.0, 1, 1, 1, 1 })
            plateau.Observe(loss);
        other.Restore(plateau.State);

        Assert.Equal((0.4, 0.4), (plateau.Factor, other.Factor));
        Assert.Equal(1e-4, LearningRate.At(options, 104));
    }

    [Fact]
    public void At_without_warm_up_starts_at_the_peak() =>
        Assert.Equal(1e-4, LearningRate.At(Options with { WarmupEpochs = 0 }, 0));

    [Fact]
    public void At_minimum_above_the_peak_never_exceeds_the_peak() =>
        Assert.Equal(1e-7, LearningRate.At(Options with { LearningRate = 1e-7 }, 90), 12);
}
