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

    [Fact]
    public void At_without_warm_up_starts_at_the_peak() =>
        Assert.Equal(1e-4, LearningRate.At(Options with { WarmupEpochs = 0 }, 0));

    [Fact]
    public void At_minimum_above_the_peak_never_exceeds_the_peak() =>
        Assert.Equal(1e-7, LearningRate.At(Options with { LearningRate = 1e-7 }, 90), 12);
}
