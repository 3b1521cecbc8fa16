using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class ComposeTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static (string?, string?) Refusal(ExperimentPlan draft)
    {
        var refusal = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(draft));
        return (refusal.Section, refusal.Key);
    }

    private ExperimentPlan WithDropout() =>
        Draft() with { Condition = new ConditionOptions { Images = [ImageKinds.T1Pre], Dropout = 0.1 } };

    private ExperimentPlan Draft(IArchitecture? architecture = null) => TinyRun.Draft(cohort, architecture);

    [Fact]
    public void Compose_derives_the_shapes_and_completes_the_architecture()
    {
        var plan = ExperimentPlan.Compose(
            Draft(new ConvArchitecture()) with { Compressor = TinyRun.Part<ICompressor>("compressor", new HalfDepth()) });
        Assert.Equal(new DiffusionShape(new(1, 8, 8, 8), new(1, 4, 8, 8), 1), plan.Shape);
        Assert.Equal(new ConvOptions { InChannels = 2, OutChannels = 1 }, plan.Architecture.Options);
    }

    [Fact]
    public void Target_of_nothing_is_refused() => Assert.Equal(("target", null), Refusal(Draft() with { Target = [] }));

    [Fact]
    public void Quantiles_of_intensities_where_only_masks_are_read_are_refused()
    {
        var draft = Draft() with { Target = ["seg"], Condition = new ConditionOptions() };
        Assert.Equal(("data", "clip_quantiles"), Refusal(draft with { Data = draft.Data with { ClipQuantiles = [0.001, 0.999] } }));
    }

    [Fact]
    public void Target_that_no_image_can_be_called_is_refused() =>
        Assert.Equal(("target", null), Refusal(Draft() with { Target = ["T2"] }));

    [Fact]
    public void Target_named_twice_is_refused() => Assert.Equal(("target", null), Refusal(Draft() with { Target = ["bravo", "bravo"] }));

    [Theory]
    [InlineData("T2")] // no image can be called so
    [InlineData("bravo")] // the target
    public void Condition_that_cannot_be_is_refused(string kind) =>
        Assert.Equal(("condition", "images"), Refusal(Draft() with { Condition = new ConditionOptions { Images = [kind] } }));

    [Fact]
    public void Dropout_without_a_condition_is_refused() =>
        Assert.Equal(("condition", "dropout"), Refusal(Draft() with { Condition = new ConditionOptions { Dropout = 0.1 } }));

    [Fact]
    public void Guidance_without_dropout_is_refused() =>
        Assert.Equal(("sampling", "guidance"), Refusal(Draft() with { Sampling = new SamplingOptions { Guidance = 2 } }));

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.2, 0.5, 0.8)]
    [InlineData(0.8, 0.2)]
    [InlineData(0.3, 0.3)]
    [InlineData(-0.1, 0.5)]
    [InlineData(0.1, 1.5)]
    [InlineData(double.NaN, 0.5)]
    public void Guidance_interval_that_is_none_is_refused(params double[] interval) => Assert.Equal(
        ("sampling", "guidance_interval"),
        Refusal(WithDropout() with { Sampling = new SamplingOptions { Guidance = 2, GuidanceInterval = interval } }));

    [Fact]
    public void Guidance_interval_without_guidance_is_refused() => Assert.Equal(
        ("sampling", "guidance_interval"),
        Refusal(WithDropout() with { Sampling = new SamplingOptions { GuidanceInterval = [0.2, 0.8] } }));

    [Fact]
    public void Guidance_rescale_without_guidance_is_refused() => Assert.Equal(
        ("sampling", "guidance_rescale"), Refusal(WithDropout() with { Sampling = new SamplingOptions { GuidanceRescale = 0.7 } }));

    public static TheoryData<SamplingOptions, string> Meaningless => new()
    {
        { new() { Guidance = 3, GuidanceEnd = 3 }, "guidance_end" },
        { new() { GuidanceEnd = 1 }, "guidance_end" },
        { new() { Guidance = 3, GuidanceSchedule = GuidanceSchedule.Cosine }, "guidance_schedule" },
        { new() { GuidanceZero = true }, "guidance_zero" },
        { new() { Guidance = 3, GuidanceZeroInit = 2 }, "guidance_zero_init" },
        { new() { Guidance = 3, GuidanceZero = true, GuidanceInterval = [0.2, 0.8] }, "guidance_zero" },
        { new() { Guidance = 1, GuidanceEnd = 3, GuidanceZero = true, GuidanceZeroInit = 1 }, "guidance_zero_init" },
    };

    [Theory]
    [MemberData(nameof(Meaningless), DisableDiscoveryEnumeration = true)]
    public void Guidance_that_means_nothing_is_refused(SamplingOptions sampling, string key) =>
        Assert.Equal(("sampling", key), Refusal(WithDropout() with { Sampling = sampling }));

    [Fact]
    public void Guidance_that_only_begins_or_ends_with_none_is_guidance()
    {
        Assert.Equal(("sampling", "guidance"), Refusal(Draft() with { Sampling = new SamplingOptions { GuidanceEnd = 2 } }));
        ExperimentPlan.Compose(WithDropout() with
        {
            Sampling = new SamplingOptions { GuidanceEnd = 2, GuidanceRescale = 0.5, GuidanceInterval = [0.1, 0.9] },
        });
        ExperimentPlan.Compose(
            WithDropout() with { Sampling = new SamplingOptions { GuidanceEnd = 2, GuidanceZero = true, GuidanceZeroInit = 0 } });
        ExperimentPlan.Compose(
            WithDropout() with { Sampling = new SamplingOptions { Guidance = 3, GuidanceEnd = 1, GuidanceZero = true } });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1001)]
    [InlineData(double.NaN)]
    public void Evaluation_beyond_the_process_is_refused(double timestep) =>
        Assert.Equal(
            ("evaluation", "timesteps"), Refusal(Draft() with { Evaluation = new EvaluationOptions { Timesteps = [500, timestep] } }));

    [Fact]
    public void Data_that_does_not_fit_is_refused_by_its_key()
    {
        var draft = Draft();
        Assert.Equal(("data", "original_depth"), Refusal(draft with { Data = draft.Data with { OriginalDepth = 9 } }));
    }

    [Fact]
    public void Refusal_of_a_part_has_its_section_and_key()
    {
        var architecture = TinyRun.Part<IArchitecture>("architecture", new ConvArchitecture(), new ConvOptions { Dropout = 1 });
        Assert.Equal(("architecture", "dropout"), Refusal(Draft() with { Architecture = architecture }));
    }

    [Fact]
    public void Refusal_of_a_compressor_has_its_section()
    {
        var draft = Draft();
        Assert.Equal(("compressor", null), Refusal(draft with
        {
            Compressor = TinyRun.Part<ICompressor>("compressor", new HalfDepth()),
            Data = draft.Data with { Depth = 7 },
        }));
    }

    [Fact]
    public void Failure_of_a_part_names_its_plugin()
    {
        var part = TinyRun.Part<IArchitecture>("architecture", new ConvArchitecture(), new NoOptions()); // not its options
        var failure = Assert.Throws<PartFailedException>(() => ExperimentPlan.Compose(Draft() with { Architecture = part }));
        Assert.Contains("plugin tiny 1.0.0", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Description_counts_parameters_and_memory_exactly()
    {
        var draft = Draft(new ConvArchitecture());
        var description = Describe(draft with { Training = draft.Training with { BatchSize = 3, Ema = new EmaOptions() } });
        const int parameters = 2 * 27 + 1; // a 3³ kernel for two channels, and a bias
        Assert.Equal(new ParameterCounts(parameters, 0, 0), description.Parameters);
        Assert.Equal(new MemoryEstimate(2 * 4 * parameters, 4 * parameters, 8 * parameters, 3 * 4 * 1000), description.Memory);
        Assert.Equal((2, 1), (description.ModelInputChannels, description.ModelOutputChannels));
        Assert.Equal([1, 1, 8, 8, 8], description.InputShape);
    }

    [Fact]
    public void Description_refuses_another_number_of_parameters_than_expected()
    {
        var refusal = Assert.Throws<PlanException>(
            () => Describe(Draft(new ConvArchitecture()) with { Expect = new ExpectOptions { Parameters = 56 } }));
        Assert.Equal(("expect", "parameters"), (refusal.Section, refusal.Key));
    }

    private static PlanDescription Describe(ExperimentPlan draft)
    {
        using var random = new RandomStreams(1);
        return PlanDescription.Of(ExperimentPlan.Compose(draft), TinyRun.Context(draft, random));
    }
}
