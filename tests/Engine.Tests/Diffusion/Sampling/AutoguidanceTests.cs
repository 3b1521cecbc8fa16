using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Diffusion.Sampling;

/// <summary>
/// Guidance by a weaker model (arXiv:2406.02507). Oracles that are off by a bias b end at the clean volume + b·h, h the last step: samples
/// are linear in the prediction, so that guided ones are <c>weaker + w·(own − weaker)</c>.
/// </summary>
[Collection(Alone.Name)]
public sealed class AutoguidanceTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static readonly SamplingOptions Unguided = new();

    [Theory]
    [InlineData(1.5)]
    [InlineData(3.0)]
    public void Samples_lie_beyond_the_models_own_on_the_line_from_the_weaker_ones(double w)
    {
        var (own, weaker) = (Latent(Unguided, 0.1), Latent(Unguided, 0.4));

        var guided = Latent(new() { Guidance = w, GuidanceCheckpoint = "best" }, 0.1, 0.4);

        Assert.Equal(6, guided.Calls); // three steps, two models
        Assert.All(Enumerable.Range(0, own.Values.Length), i =>
            Assert.Equal(weaker.Values[i] + w * (own.Values[i] - weaker.Values[i]), guided.Values[i], 1e-4));
    }

    [Fact]
    public void Strength_1_is_bit_for_bit_no_guidance_and_asks_no_weaker_model()
    {
        var (own, guided) = (Latent(Unguided, 0.1), Latent(new() { Guidance = 1, GuidanceFrom = "no run is read" }, 0.1));

        Assert.Equal(own.Values, guided.Values);
        Assert.Equal(3, guided.Calls);
    }

    [Fact]
    public void Weaker_model_equal_to_the_own_one_changes_nothing()
    {
        var (own, guided) = (Latent(Unguided, 0.1), Latent(new() { Guidance = 5, GuidanceCheckpoint = "best" }, 0.1, 0.1));

        Assert.Equal(own.Values, guided.Values);
    }

    [Fact]
    public void Guidance_by_a_model_that_is_not_given_is_refused() =>
        Assert.Throws<PlanException>(() => Latent(new() { Guidance = 2, GuidanceCheckpoint = "best" }, 0.1));

    [Fact]
    public void It_needs_no_dropped_condition_and_excludes_what_is_of_one()
    {
        Assert.Equal(0, Plan(new() { Guidance = 2, GuidanceCheckpoint = "best" }, 0.1).Condition.Dropout);
        Assert.Equal(
            "guidance_zero",
            Assert.Throws<PlanException>(() => Plan(new() { Guidance = 2, GuidanceZero = true, GuidanceFrom = "run" }, 0.1)).Key);
    }

    private ExperimentPlan Plan(SamplingOptions sampling, double bias) =>
        ExperimentPlan.Compose(TinyRun.Draft(cohort, FormulaArchitecture.Oracle(bias)) with { Sampling = sampling });

    private (float[] Values, int Calls) Latent(SamplingOptions sampling, double own, double? weaker = null)
    {
        var plan = Plan(sampling, own);
        using var random = new RandomStreams(1);
        using var model = DiffusionModel.Create(plan, TinyRun.Context(plan, random));
        using var other = weaker is { } bias ? DiffusionModel.Create(Plan(Unguided, bias), TinyRun.Context(plan, random)) : null;
        using var scope = NewDisposeScope();
        using var condition = TinyRun.Volumes(plan, Cohort.Open(cohort.Path), Cohort.Test).Load(0);
        var (latent, calls, _) = new VolumeGenerator(plan, model, weaker: other).GenerateLatent(0, condition);
        return (latent.data<float>().ToArray(), calls);
    }
}
