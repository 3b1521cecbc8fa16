using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Plans;

/// <summary>Parts that give null or nonsense where the contract wants something are told with plugin, part and member.</summary>
[Collection(Alone.Name)]
public sealed class NothingGivenTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Draft => TinyRun.Draft(cohort);

    [Fact]
    public void Strategy_without_informative_timesteps() => Refused(
        () => Draft with { Strategy = TinyRun.Part<INoiseStrategy>("strategy", new Silent(null)) },
        "`Silent` of the plugin tiny 1.0.0 gives null as InformativeTimesteps; use another version of the plugin");

    [Fact]
    public void Strategy_with_informative_timesteps_that_are_none() => Refused(
        () => Draft with { Strategy = TinyRun.Part<INoiseStrategy>("strategy", new Silent([500, 500])) },
        "`Silent` of the plugin tiny 1.0.0 gives 500, 500 as InformativeTimesteps, and there have to be some, each once, from 0 to "
            + "1000; use another version of the plugin");

    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    public void Best_value_that_is_no_number(double best, string said) => Refused(
        () => Draft with { Metrics = [TinyRun.Part<IMetric>("evaluation", new Scripted() { BestValue = best })] },
        $"`Scripted` of the plugin tiny 1.0.0 gives {said} as BestValue, and it has to be a number or none; use another version "
            + $"of the plugin");

    [Fact]
    public void Sampler_that_is_not_created() => Refused(
        () => Draft with { Sampler = TinyRun.Part<ISampler>("sampling", new Nobody()) },
        "`Nobody` of the plugin tiny 1.0.0 gives null as Create; use another version of the plugin");

    [Fact]
    public void Latent_shape_that_is_none() => Refused(
        () => Draft with { Compressor = TinyRun.Part<ICompressor>("compressor", new Shapeless()) },
        "`Shapeless` of the plugin tiny 1.0.0 gives 0×0×0×0 as LatentShape of 1×8×8×8, and no size can be less than 1; use another "
            + "version of the plugin");

    [Fact]
    public void Compressor_that_cannot_say_whether_it_is_lossy()
    {
        var compressor = TinyRun.Part<ICompressor>("compressor", new Shapeless());

        var failure = Assert.Throws<PartFailedException>(object? () => (Draft with { Compressor = compressor }).Space.LosesUnmeasured);

        Assert.Equal("`Shapeless` of the plugin tiny 1.0.0 failed: who knows", failure.Message);
    }

    private static void Refused(Func<ExperimentPlan> draft, string sentence)
    {
        using var random = new RandomStreams(1);

        var refusal = Assert.Throws<PlanException>(() =>
        {
            var plan = ExperimentPlan.Compose(draft());
            PlanDescription.Of(plan, TinyRun.Context(plan, random));
        });

        Assert.Equal(sentence, refusal.Message);
    }

    private sealed class Nobody : ISampler<NoOptions>
    {
        public Sampler Create(NoOptions options, PartContext context) => null!;
    }

    private sealed class Shapeless : ICompressor<NoOptions>
    {
        public bool IsLearned => false;

        public bool IsLossy(NoOptions options) => throw new InvalidOperationException("who knows");

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => default;

        public Compressor Create(NoOptions options, PartContext context) => throw new NotSupportedException();
    }

    private sealed class Silent(IReadOnlyList<double>? informative) : INoiseStrategy<NoOptions>
    {
        public NoiseProcess Create(NoOptions options, DiffusionShape shape, PartContext context) => new Process(informative);

        private sealed class Process(IReadOnlyList<double>? informative) : NoiseProcess
        {
            public override IReadOnlyList<double> InformativeTimesteps => informative!;

            public override double Alpha(double t) => 1 - t / Horizon;

            public override double Sigma(double t) => t / Horizon;

            public override Tensor SampleTimesteps(long batch, Generator random) => zeros([batch]);

            public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => clean;

            public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => clean;

            public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => noisy;

            public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => noisy;

            public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) => prediction;

            public override double[] TimeGrid(int steps) => [.. Enumerable.Range(0, steps + 1).Select(i => Horizon * (steps - i) / steps)];
        }
    }
}
