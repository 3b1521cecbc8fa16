using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Training;

[Collection(Alone.Name)]
public sealed class RegionWeightTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static readonly RegionWeights Weights = new() { Tiny = 7, Small = 6, Medium = 5, Large = 4, Background = 0.5 };

    private ExperimentPlan Draft()
    {
        var draft = TinyRun.Draft(cohort);
        return draft with { Training = draft.Training with { RegionWeights = Weights, Epochs = 1, LearningRate = 1e-9 } };
    }

    [Fact]
    public void Loss_is_the_mean_of_weight_times_squared_error_over_the_real_slices()
    {
        using var run = new TinyRun();
        run.Train(ExperimentPlan.Compose(Draft()), validate: false);

        // the error is 0.5 everywhere; 3 slices with 3 voxels of one large tumour among 6·8·8
        var expected = 0.25 * (9 * 4 + (384 - 9) * 0.5) / 384;
        Assert.All(run.Steps, step => Assert.Equal(expected, step.Loss, 1e-5));
    }

    [Theory]
    [InlineData(9.9, 7)]
    [InlineData(10, 6)]
    [InlineData(20, 5)]
    [InlineData(30, 4)]
    public void Weight_follows_the_diameter(double diameter, double expected) => Assert.Equal(expected, Weights.Of(diameter));

    [Fact]
    public void Weights_where_voxels_are_not_diffused_are_refused()
    {
        var refusal = Assert.Throws<PlanRefusedException>(() =>
            ExperimentPlan.Compose(Draft() with { Compressor = TinyRun.Part<ICompressor>("compressor", new HalfDepth()) }));
        Assert.Equal(("training", "region_weights"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Weights_beside_an_augmentation_are_refused()
    {
        var refusal = Assert.Throws<PlanRefusedException>(() =>
            ExperimentPlan.Compose(Draft() with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(1))] }));
        Assert.Equal(("training", "region_weights"), (refusal.Section, refusal.Key));
    }
}
