using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Data;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion.Sampling;

/// <summary>
/// Strengths that go with τ, and CFG-Zero*. The network returns c = 0.1 + condition / 2, without a condition u = 0.1, along a straight
/// process: where samples end has a closed form.
/// </summary>
[Collection(Alone.Name)]
public sealed class GuidanceTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData(null, 1.0, 4)]
    [InlineData(null, 0.0, 1.5)]
    [InlineData(null, 0.2, 2)]
    [InlineData(GuidanceSchedule.Linear, 0.5, 2.75)]
    [InlineData(GuidanceSchedule.Cosine, 1.0, 4)]
    [InlineData(GuidanceSchedule.Cosine, 0.0, 1.5)]
    [InlineData(GuidanceSchedule.Cosine, 0.5, 2.75)]
    [InlineData(GuidanceSchedule.Cosine, 0.25, 1.5 + 2.5 * 0.14644660940672624)] // (1 − √½)/2
    public void Strength_goes_from_guidance_at_noise_to_its_end_at_the_data(GuidanceSchedule? schedule, double tau, double expected) =>
        Assert.Equal(
            expected, new Guidance(new SamplingOptions { Guidance = 4, GuidanceEnd = 1.5, GuidanceSchedule = schedule }).Strength(tau),
            1e-12);

    // ten steps of Euler's method at τ = 1, 0.9 … 0.1: a sample moves by u + mean w·(c − u)
    [Theory]
    [InlineData(2.0, 3.0, null, 2.45)] // mean τ = 0.55
    [InlineData(3.0, 1.5, GuidanceSchedule.Linear, 2.325)]
    [InlineData(3.0, 2.0, GuidanceSchedule.Cosine, 2.55)] // Σ cos(πk/10) for k = 1 … 10 is −1, so the mean of (1 − cos πτ)/2 is 0.55
    public void Schedule_guides_by_the_mean_of_its_strengths(double w, double end, GuidanceSchedule? schedule, double mean)
    {
        var (none, two, scheduled) =
            (Latent(new()), Latent(new() { Guidance = 2 }), Latent(new() { Guidance = w, GuidanceEnd = end, GuidanceSchedule = schedule }));
        Assert.All(Enumerable.Range(0, none.Length), i => Assert.Equal(none[i] + (mean - 1) * (two[i] - none[i]), scheduled[i], 1e-5));
    }

    // v = (x̂0 − x)/τ: a weaker model that predicts the clean sample
    [Fact]
    public void Prediction_of_another_kind_is_turned_into_the_velocity_that_it_implies()
    {
        using var scope = NewDisposeScope();
        var (sample, clean) = (Randn(1), Randn(2));
        var velocity = Guidance.InTermsOf(Straight, new CleanProcess(Straight), sample, 250, clean);
        Assert.True((velocity - (clean - sample) / S(0.25)).abs().max().item<float>() < 1e-4);
        Assert.Same(clean, Guidance.InTermsOf(Straight, Straight, sample, 250, clean));
    }

    // w is 1 at τ = 1 alone, or everywhere where the interval leaves out all of the grid
    [Fact]
    public void Network_is_called_once_where_the_strength_is_1_and_says_bit_for_bit_what_it_says_unguided()
    {
        Assert.Equal(19, Calls(new() { Guidance = 1, GuidanceEnd = 3 }));
        var unguided = new SamplingOptions
        {
            Guidance = 3,
            GuidanceEnd = 1.5,
            GuidanceZero = true,
            GuidanceZeroInit = 0,
            GuidanceInterval = [0, 0.05],
        };
        Assert.Equal(10, Calls(unguided));
        Assert.Equal(Latent(new()), Latent(unguided));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    [InlineData(7.0)]
    public void Zero_scales_a_parallel_prediction_to_the_one_with_the_condition_whatever_the_strength(double w)
    {
        using var scope = NewDisposeScope();
        var conditional = Randn(1);
        var scales = tensor([0.2f, -3f]).view(2, 1, 1, 1, 1); // each sample has its own
        var guided = Zero(w).Combine(Straight, Randn(7), 500, conditional, conditional * scales);
        Assert.True((guided - conditional).abs().max().item<float>() < 1e-4);
    }

    // ⟨c, u⟩ = 0: u says nothing of c, and w·c is left
    [Fact]
    public void Zero_leaves_out_an_orthogonal_prediction_and_one_of_zero()
    {
        using var scope = NewDisposeScope();
        var (left, right) = (zeros([2, 1, 4, 4, 4]), zeros([2, 1, 4, 4, 4]));
        left.narrow(2, 0, 2).fill_(S(2.0));
        right.narrow(2, 2, 2).fill_(S(5.0));
        Assert.True((Zero(3).Combine(Straight, Randn(7), 500, left, right) - left * S(3.0)).abs().max().item<float>() < 1e-6);
        Assert.True((Zero(3).Combine(Straight, Randn(7), 500, left, zeros_like(left)) - left * S(3.0)).abs().max().item<float>() < 1e-6);
    }

    // û = c + (w − 1)·(c − s·u): what guidance adds is what u cannot say of c
    [Fact]
    public void Zero_adds_only_what_is_orthogonal_to_the_prediction_without_the_condition()
    {
        using var scope = NewDisposeScope();
        var (conditional, unconditional) = (Randn(1), Randn(2) + S(0.5));
        var added = Zero(4).Combine(Straight, Randn(7), 500, conditional, unconditional) - conditional;
        var plain =
            new Guidance(new SamplingOptions { Guidance = 4 }).Combine(Straight, Randn(7), 500, conditional, unconditional) - conditional;
        Assert.All(Products(added), product => Assert.True(Math.Abs(product) < 1e-3));
        Assert.All(Products(plain), product => Assert.True(Math.Abs(product) > 1));

        float[] Products(Tensor what) => [.. (what * unconditional).flatten(1).sum(1).data<float>()];
    }

    // every step at rest takes a tenth of the same way off, and the two calls of it
    [Fact]
    public void Steps_at_rest_take_their_share_of_the_way_and_no_call()
    {
        var (all, two, six) = (Latent(Init(0)), Latent(Init(2)), Latent(Init(6)));
        Assert.Equal((20, 18, 16, 8), (Calls(Init(0)), Calls(new() { Guidance = 2, GuidanceZero = true }), Calls(Init(2)), Calls(Init(6))));
        Assert.All(Enumerable.Range(0, all.Length), i => Assert.Equal(2 * (all[i] - two[i]), two[i] - six[i], 1e-5));
        Assert.Contains(all.Zip(two), pair => Math.Abs(pair.First - pair.Second) > 0.01);

        static SamplingOptions Init(int steps) => new() { Guidance = 2, GuidanceZero = true, GuidanceZeroInit = steps };
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    public void Rest_in_all_steps_is_refused(int still) =>
        Assert.Equal("guidance_zero_init", Refusal(Plan(new() { Guidance = 2, GuidanceZero = true, GuidanceZeroInit = still })));

    [Fact]
    public void Rest_of_a_sampler_without_steps_is_refused()
    {
        var plan = Plan(new() { Guidance = 2, GuidanceZero = true }) with
        {
            Sampler = TinyRun.Part<ISampler>("sampling", new OneCallSampler()),
        };
        Assert.Equal("guidance_zero", Refusal(plan)); // which brings the one step at rest that nobody named
        Describe(plan with { Sampling = plan.Sampling with { GuidanceZeroInit = 0 } });
    }

    // of the same velocities, whatever the network says of them
    [Theory]
    [InlineData(100.0)]
    [InlineData(900.0)]
    public void Zero_of_a_network_that_predicts_the_clean_sample_is_that_of_its_velocities(double t)
    {
        using var scope = NewDisposeScope();
        var (sample, c, u, tau) = (Randn(3), Randn(1), Randn(2) + S(0.5), t / 1000);
        var guided = Zero(4).Combine(new CleanProcess(Straight), sample, t, sample + c * S(tau), sample + u * S(tau));
        var expected = sample + Zero(4).Combine(Straight, sample, t, c, u) * S(tau);
        Assert.True((guided - expected).abs().max().item<float>() < 1e-4);
        Assert.True((Guidance.AtRest(new CleanProcess(Straight), sample, t) - sample).abs().max().item<float>() < 1e-5);
        Assert.Equal(0, Guidance.AtRest(Straight, sample, t).abs().max().item<float>());
    }

    [Fact]
    public void Zero_along_paths_that_are_not_straight_is_refused()
    {
        var plan = Plan(new() { Guidance = 2, GuidanceZero = true });
        Describe(plan);
        Assert.Equal("guidance_zero", Refusal(plan with { Strategy = TinyRun.Part<INoiseStrategy>("strategy", new BentStrategy()) }));
    }

    [Fact]
    public void Facts_of_a_discriminator_tell_schedules_apart()
    {
        var constant = GuidanceFacts.Of(new() { Guidance = 3 });
        var falling = GuidanceFacts.Of(new() { Guidance = 3, GuidanceEnd = 1.5 });
        Assert.NotEqual(constant, falling);
        Assert.Equal("guidance 3 (rescale 0, τ from 0 to 1)", constant.ToString());
        Assert.Equal("guidance 3 (rescale 0, τ from 0 to 1, to 1.5 at τ = 0 (linear))", falling.ToString());
        Assert.DoesNotContain("law", System.Text.Json.JsonSerializer.Serialize(constant, AtomicFile.Json), StringComparison.Ordinal);
    }

    private static NoiseProcess Straight =>
        ((INoiseStrategy<StraightOptions>)new StraightStrategy()).Create(new StraightOptions(), new DiffusionShape(Cube, Cube, 0), null!);

    private static VolumeShape Cube => new(1, 4, 4, 4);

    private static Guidance Zero(double w) => new(new SamplingOptions { Guidance = w, GuidanceZero = true });

    private static Tensor Randn(ulong seed)
    {
        using var random = new Generator(seed, CPU);
        return randn([2, 1, 4, 4, 4], generator: random);
    }

    private ExperimentPlan Plan(SamplingOptions sampling)
    {
        var linear = new FormulaArchitecture(
            (noisy, _, conditioning, bias) => zeros_like(noisy) + bias + conditioning.Image! * S(0.5), bias: 0.1);
        var plan = TinyRun.Plan(cohort, linear);
        return plan with
        {
            Condition = plan.Condition with { Dropout = 0.1 },
            Sampler = TinyRun.Part<ISampler>("sampling", new EulerSampler()) with { Options = new EulerOptions { Steps = 10 } },
            Sampling = sampling with { Split = plan.Sampling.Split },
            Training = plan.Training with { Epochs = 1, LearningRate = 1e-12 },
        };
    }

    private float[] Latent(SamplingOptions sampling) => Generate(sampling).Latent;

    private int Calls(SamplingOptions sampling) => Generate(sampling).Calls;

    private (float[] Latent, int Calls) Generate(SamplingOptions sampling)
    {
        var plan = Plan(sampling);
        if (!Directory.Exists(_run.Folder.Checkpoints))
            _run.Train(plan);
        return _run.Use(plan, (trained, volumes) =>
        {
            using var scope = NewDisposeScope();
            using var condition = volumes.Load(0);
            var (latent, calls, _) = new VolumeGenerator(plan, trained.Model).GenerateLatent(0, condition);
            return (latent.data<float>().ToArray(), calls);
        });
    }

    private static void Describe(ExperimentPlan plan)
    {
        using var random = new RandomStreams(1);
        PlanDescription.Of(plan, TinyRun.Context(plan, random));
    }

    private static string? Refusal(ExperimentPlan plan) => Assert.Throws<PlanException>(() => Describe(plan)).Key;

    /// <summary>A process with α² + σ² = 1.</summary>
    private sealed class BentStrategy : INoiseStrategy<StraightOptions>
    {
        public NoiseProcess Create(StraightOptions options, DiffusionShape shape, PartContext context) => new Bent(Straight);
    }

    private sealed class Bent(NoiseProcess straight) : CleanProcess(straight)
    {
        public override double Alpha(double t) => Math.Cos(Math.PI * t / 2000);

        public override double Sigma(double t) => Math.Sin(Math.PI * t / 2000);
    }

    /// <summary>The straight process of a network that predicts the clean sample.</summary>
    private class CleanProcess(NoiseProcess straight) : NoiseProcess
    {
        public override double Alpha(double t) => straight.Alpha(t);

        public override double Sigma(double t) => straight.Sigma(t);

        public override Tensor SampleTimesteps(long batch, Generator random) => straight.SampleTimesteps(batch, random);

        public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => straight.AddNoise(clean, noise, timesteps);

        public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => clean.clone();

        public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => prediction.clone();

        public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) =>
            straight.Noise(noisy, Velocity(noisy, prediction, timesteps), timesteps);

        public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) =>
            Velocity(noisy, prediction, timesteps).neg();

        public override double[] TimeGrid(int steps) => straight.TimeGrid(steps);

        private static Tensor Velocity(Tensor noisy, Tensor prediction, Tensor timesteps) =>
            (prediction - noisy) / (Column(timesteps) / S(Horizon));
    }
}
