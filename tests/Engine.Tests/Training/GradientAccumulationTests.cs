using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Training;

[Collection(Alone.Name)]
public sealed class GradientAccumulationTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Plan(int parts)
    {
        var plan = TinyRun.Plan(cohort, new ConvArchitecture());
        return plan with
        {
            Condition = plan.Condition with { Dropout = 0.3 },
            Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(0.5))],
            Training = plan.Training with { BatchSize = 4, Epochs = 3, GradientAccumulation = parts, GradientClipNorm = 0.1 },
        };
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Batch_computed_in_parts_trains_as_the_whole_one(int parts)
    {
        using var whole = new TinyRun();
        using var split = new TinyRun();
        whole.Train(Plan(1));
        split.Train(Plan(parts));

        Assert.Equal(whole.Steps.Count, split.Steps.Count);
        Assert.All(whole.Steps.Zip(split.Steps), pair =>
        {
            Assert.Equal(pair.First.Loss, pair.Second.Loss, 1e-5);
            Assert.Equal(pair.First.GradientNorm, pair.Second.GradientNorm, 1e-5);
        });
        foreach (var (name, weights) in whole.Component("denoiser"))
            Assert.All(weights.Zip(split.Component("denoiser")[name]), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        // it really took another way
        Assert.NotEqual(whole.Latest.Manifest.Files["denoiser.safetensors"], split.Latest.Manifest.Files["denoiser.safetensors"]);
    }

    [Fact]
    public void Memory_is_estimated_for_a_part()
    {
        long Activations(int parts) =>
            PlanDescription.MemoryOf(
                Plan(parts), new ParameterCounts(1, 0, 0), new DenoiserFacts { ActivationElements = 100 }).Activations!.Value;

        Assert.Equal(Activations(1), 4 * Activations(4));
    }
}
