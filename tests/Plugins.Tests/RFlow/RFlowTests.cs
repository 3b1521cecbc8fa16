using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.RFlow;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.RFlow;

public sealed class RFlowTests
{
    private static readonly VolumeShape Cube = new(1, 8, 8, 8);

    private static NoiseProcess Process(RFlowOptions? options = null, VolumeShape? volume = null, VolumeShape? latent = null) =>
        ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(
            options ?? new RFlowOptions(), new DiffusionShape(volume ?? Cube, latent ?? Cube, 0), Contexts.Cpu);

    private static float[] Draw(RFlowOptions options, int count = 20_000, VolumeShape? volume = null, VolumeShape? latent = null)
    {
        using var random = new Generator(11, CPU);
        using var timesteps = Process(options, volume, latent).SampleTimesteps(count, random);
        return timesteps.data<float>().ToArray();
    }

    [Theory]
    [InlineData(Prediction.Velocity)]
    [InlineData(Prediction.Sample)]
    [InlineData(Prediction.Noise)]
    public void Perfect_prediction_gives_back_data_noise_and_derivative(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        var process = Process(new RFlowOptions { Prediction = prediction });
        var (clean, noise) = (randn([3, 2, 4, 4, 4]), randn([3, 2, 4, 4, 4]));
        var timesteps = tensor([30f, 500f, 970f]);

        var noisy = process.AddNoise(clean, noise, timesteps);
        var target = process.Target(clean, noise, timesteps);

        Assert.True(Reference.Difference(process.Clean(noisy, target, timesteps), clean) < 1e-4);
        Assert.True(Reference.Difference(process.Noise(noisy, target, timesteps), noise) < 1e-4);
        Assert.True(Reference.Difference(process.Derivative(noisy, target, timesteps), noise - clean) < 1e-4);
    }

    [Fact]
    public void Path_starts_at_the_data_and_ends_at_the_noise()
    {
        using var scope = NewDisposeScope();
        var process = Process();
        var (clean, noise) = (randn([1, 1, 4, 4, 4]), randn([1, 1, 4, 4, 4]));
        Assert.Equal(0, Reference.Difference(process.AddNoise(clean, noise, tensor([0f])), clean));
        Assert.Equal(0, Reference.Difference(process.AddNoise(clean, noise, tensor([1000f])), noise));
        Assert.Equal((1.0, 0.0, 0.0, 1.0), (process.Alpha(0), process.Sigma(0), process.Alpha(1000), process.Sigma(1000)));
    }

    [Theory]
    [InlineData(Prediction.Velocity)]
    [InlineData(Prediction.Sample)]
    [InlineData(Prediction.Noise)]
    public void Results_are_finite_at_both_ends(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        var process = Process(new RFlowOptions { Prediction = prediction });
        var (noisy, predicted, ends) = (randn([2, 1, 4, 4, 4]), randn([2, 1, 4, 4, 4]), tensor([0f, 1000f]));
        Assert.True(process.Clean(noisy, predicted, ends).isfinite().all().item<bool>());
        Assert.True(process.Noise(noisy, predicted, ends).isfinite().all().item<bool>());
        Assert.True(process.Derivative(noisy, predicted, ends).isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(37)]
    [InlineData(1000)]
    public void Time_grid_of_the_identity_law_is_uniform_and_ends_at_exactly_0(int steps)
    {
        var grid = Process().TimeGrid(steps);
        Assert.Equal(steps + 1, grid.Length);
        Assert.Equal((1000.0, 0.0), (grid[0], grid[^1]));
        for (var step = 0; step <= steps; step++)
            Assert.Equal(1000.0 * (steps - step) / steps, grid[step], 1e-9);
    }

    [Fact]
    public void Time_grid_without_steps_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => Process().TimeGrid(0));

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.5)]
    [InlineData(7)]
    public void Time_grid_falls_strictly_from_1000_to_0_for_any_ratio(double scale)
    {
        var grid = Process(new RFlowOptions { TransformScale = scale }).TimeGrid(50);
        Assert.Equal((1000.0, 0.0), (grid[0], grid[^1]));
        Assert.All(grid.Zip(grid.Skip(1)), pair => Assert.True(pair.First > pair.Second));
    }

    // ratios of the original experiments: pixels, space-to-depth, latents of 4 and 8, slice-wise 32
    [Theory]
    [InlineData(160, 256, 1)]
    [InlineData(80, 128, 0.5)]
    [InlineData(40, 64, 0.25)]
    [InlineData(20, 32, 0.125)]
    [InlineData(160, 8, 0.09921256574801247)]
    public void Transform_relative_to_the_volume_follows_the_compression(int depth, int size, double ratio)
    {
        var options = new RFlowOptions { TransformBase = TransformBase.Volume };
        var process = Process(options, new VolumeShape(1, 160, 256, 256), new VolumeShape(4, depth, size, size));
        Assert.Equal(1000 * ratio / (1 + ratio), process.TimeGrid(2)[1], 1e-9);
    }

    // r is of voxels (the original's numel_spatial): eight channels of space-to-depth, 32 of the slice-wise autoencoder, change nothing
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(32)]
    public void Transform_counts_voxels_and_no_channels(int channels)
    {
        var (volume, latent) = (new VolumeShape(1, 160, 256, 256), new VolumeShape(channels, 80, 128, 128));
        var process = Process(new RFlowOptions { TransformBase = TransformBase.Volume }, volume, latent);
        Assert.Equal(1000 * 0.5 / 1.5, process.TimeGrid(2)[1], 1e-9);
        Assert.Equal(1000 * 0.5 / 1.5, process.TimestepQuantile(0.5), 1e-9);
    }

    [Fact]
    public void Transform_relative_to_the_latent_ignores_the_compression() =>
        Assert.Equal(500, Process(null, new VolumeShape(1, 160, 256, 256), new VolumeShape(4, 40, 64, 64)).TimeGrid(2)[1], 1e-9);

    // shares of draws below τ = 0.1 as simulated for the original experiments
    [Theory]
    [InlineData(1, 0.014, 0.5)]
    [InlineData(0.5, 0.066, 0.333)]
    [InlineData(0.25, 0.21, 0.2)]
    [InlineData(0.125, 0.45, 0.111)]
    public void Training_times_follow_the_same_transform(double ratio, double shareBelowTenth, double median)
    {
        var draws = Draw(new RFlowOptions { TransformScale = ratio });
        Assert.Equal(shareBelowTenth, draws.Count(t => t < 100) / (double)draws.Length, 0.012);
        Assert.Equal(median, draws.Order().ElementAt(draws.Length / 2) / 1000, 0.01);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-1, 0.5)]
    [InlineData(0.7, 2)]
    public void Logit_normal_times_have_the_logit_of_a_normal(double loc, double scale)
    {
        var logits = Draw(new RFlowOptions { Loc = loc, Scale = scale }).Select(t => Math.Log(t / (1000.0 - t))).ToArray();
        var mean = logits.Average();
        Assert.Equal(loc, mean, 0.03 * scale + 0.01);
        Assert.Equal(scale, Math.Sqrt(logits.Average(logit => Math.Pow(logit - mean, 2))), 0.03 * scale);
    }

    [Fact]
    public void Uniform_times_have_mean_and_variance_of_a_uniform()
    {
        var draws = Draw(new RFlowOptions { Sampling = TimeSampling.Uniform }).Select(t => t / 1000.0).ToArray();
        Assert.Equal(0.5, draws.Average(), 0.01);
        Assert.Equal(1.0 / 12, draws.Average(tau => Math.Pow(tau - 0.5, 2)), 0.003);
        Assert.InRange(draws.Max(), 0.99, 1);
    }

    // scipy: t = expit(loc + scale·ndtri(u)), floored to thousandths where discrete; 1000·r·t/(1 + (r − 1)·t)
    [Theory]
    [InlineData(0, 1, 1, false, 0.05, 161.80571024627625)]
    [InlineData(0, 1, 1, false, 0.5, 500.0)]
    [InlineData(0, 1, 1, false, 0.95, 838.1942897537235)]
    [InlineData(0, 1, 0.5, false, 0.05, 88.02426987625695)]
    [InlineData(0, 1, 0.25, false, 0.65, 268.74998514123087)]
    [InlineData(-0.4, 1.3, 3, false, 0.15, 343.27102526422993)]
    [InlineData(0, 1, 0.5, true, 0.333, 244.5550715619166)]
    public void Quantiles_of_the_training_law_are_those_of_the_shifted_logit_normal(
        double loc, double scale, double ratio, bool discrete, double share, double expected)
    {
        var options = new RFlowOptions { Loc = loc, Scale = scale, TransformScale = ratio, DiscreteTimesteps = discrete };
        Assert.Equal(expected, Process(options).TimestepQuantile(share), 1e-9);
    }

    [Fact]
    public void Quantiles_of_uniform_times_are_the_shares_after_the_shift()
    {
        Assert.Equal(300, Process(new RFlowOptions { Sampling = TimeSampling.Uniform }).TimestepQuantile(0.3), 1e-9);
        // 1.05/(0.7 + 1.05)
        Assert.Equal(600, Process(new RFlowOptions { Sampling = TimeSampling.Uniform, TransformScale = 3.5 }).TimestepQuantile(0.3), 1e-9);
        Assert.Equal(500, Process(new RFlowOptions { SigmaData = 0.5 }).TimestepQuantile(0.5), 1e-9);
    }

    // F(τ) = a·τ + (1 − a)·Φ((logit τ − loc)/scale), τ before the shift; math.erfc, bisected to 1e-16 in python3
    [Theory]
    [InlineData(0.1, 0, 1, 1, 0.5, 500.0)]
    [InlineData(0.1, 0, 1, 1, 0.001, 9.980718621145678)]
    [InlineData(0.1, 0, 1, 1, 0.05, 146.843139591002)]
    [InlineData(0.3, -0.4, 1.3, 0.25, 0.15, 41.85900413524443)]
    [InlineData(0.5, 0.7, 0.5, 3, 0.9, 937.7281193332516)]
    [InlineData(0.9, -2, 0.3, 0.5, 0.999, 997.780244173141)]
    public void Quantiles_of_the_mixture_are_those_of_its_distribution_after_the_shift(
        double uniform, double loc, double scale, double ratio, double share, double expected)
    {
        var options = new RFlowOptions
        {
            Sampling = TimeSampling.Mixture, UniformShare = uniform, Loc = loc, Scale = scale, TransformScale = ratio,
        };
        Assert.Equal(expected, Process(options).TimestepQuantile(share), 1e-9);
        Assert.Equal(expected, Process(options with { SigmaData = 0.5 }).TimestepQuantile(share), 1e-9);
    }

    [Theory]
    [InlineData(0.1, 1, false)]
    [InlineData(0.3, 0.25, false)]
    [InlineData(0.5, 3, true)]
    public void Draws_of_the_mixture_have_its_quantiles(double uniform, double ratio, bool discrete)
    {
        const int count = 20_000;
        var options = new RFlowOptions
        {
            Sampling = TimeSampling.Mixture, UniformShare = uniform, TransformScale = ratio, DiscreteTimesteps = discrete,
        };
        var draws = Draw(options, count);
        // 0.015 is four standard deviations of a share; a discrete law has up to a thousandth of a step at a time
        foreach (var share in new[] { 0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995 })
        {
            var quantile = Process(options).TimestepQuantile(share) + 1e-3; // draws are float32
            Assert.Equal(share, draws.Count(t => t <= quantile) / (double)count, 0.015 + (discrete ? 0.003 : 0));
        }
    }

    [Fact]
    public void Quantiles_of_the_mixture_rise_and_are_symmetric_where_both_laws_are()
    {
        var process = Process(new RFlowOptions { Sampling = TimeSampling.Mixture, UniformShare = 0.2 });
        double[] quantiles = [.. Enumerable.Range(1, 39).Select(k => process.TimestepQuantile(k / 40.0))];
        Assert.Equal(quantiles.Order(), quantiles);
        Assert.All(quantiles.Zip(quantiles.Reverse()), pair => Assert.Equal(1000, pair.First + pair.Second, 1e-9));
    }

    // what it is for: the logit-normal draws 0.16 % below τ = 0.05 (Φ(−2.944)), the mixture a·0.05 + (1 − a)·0.16 %
    [Fact]
    public void Mixture_draws_low_noise_as_often_as_its_share_says()
    {
        var few = Draw(new RFlowOptions(), 40_000).Count(t => t < 50) / 40_000.0;
        var more = Draw(new RFlowOptions { Sampling = TimeSampling.Mixture, UniformShare = 0.4 }, 40_000).Count(t => t < 50) / 40_000.0;
        Assert.Equal(0.00162, few, 0.001);
        Assert.Equal(0.4 * 0.05 + 0.6 * 0.00162, more, 0.003);
    }

    [Theory]
    [InlineData(TimeSampling.LogitNormal)]
    [InlineData(TimeSampling.Uniform)]
    public void Uniform_share_of_what_is_no_mixture_is_refused(TimeSampling sampling) => Assert.Equal(
        "uniform_share", Assert.Throws<PlanException>(() => Process(new RFlowOptions { Sampling = sampling, UniformShare = 0.2 })).Key);

    [Theory]
    [InlineData(1.0, 1.0)]
    [InlineData(0.0, 2.0)]
    [InlineData(-1.0, 2.0)]
    public void Parameters_of_the_logit_normal_are_refused_where_times_are_uniform(double loc, double scale) => Assert.Equal(
        loc == 0 ? "scale" : "loc",
        Assert.Throws<PlanException>(() => Process(new RFlowOptions { Sampling = TimeSampling.Uniform, Loc = loc, Scale = scale })).Key);

    // whatever is predicted, a small error of it weighs as min(SNR, γ) times the square of what it is in the clean sample
    [Theory]
    [InlineData(Prediction.Velocity, 800f)]
    [InlineData(Prediction.Velocity, 200f)]
    [InlineData(Prediction.Sample, 500f)]
    [InlineData(Prediction.Noise, 700f)]
    [InlineData(Prediction.Noise, 200f)]
    public void Min_snr_weighs_errors_of_the_clean_sample(Prediction prediction, float t)
    {
        using var scope = NewDisposeScope();
        var process = Process(new RFlowOptions { Prediction = prediction, LossWeighting = LossWeighting.MinSnr, SnrGamma = 3 });
        var (noisy, said, timesteps) = (full([1, 1, 1, 1, 1], S(0.4)), full([1, 1, 1, 1, 1], S(0.1)), tensor([t]));
        const double Error = 0.01;

        var apart = process.Clean(noisy, said + S(Error), timesteps) - process.Clean(noisy, said, timesteps);

        var tau = t / 1000.0;
        var expected = Math.Min((1 - tau) * (1 - tau) / (tau * tau), 3) * Math.Pow(apart.item<float>(), 2);
        Assert.Equal(expected, process.LossWeight(timesteps)!.item<float>() * Error * Error, expected * 1e-3);
    }

    [Fact]
    public void What_min_snr_does_not_go_with_is_refused()
    {
        Assert.Equal("snr_gamma", Assert.Throws<PlanException>(() => Process(new RFlowOptions { SnrGamma = 5 })).Key);
        Assert.Equal("loss_weighting", Assert.Throws<PlanException>(() =>
            Process(new RFlowOptions { LossWeighting = LossWeighting.MinSnr, SigmaData = 0.5 })).Key);
    }

    [Theory]
    [InlineData(LossWeighting.InverseSquare, null, 500f, 4)]
    [InlineData(LossWeighting.InverseSquare, null, 1000f, 1)]
    [InlineData(LossWeighting.InverseSquare, null, 50f, 100)]
    [InlineData(LossWeighting.InverseSquare, null, 0f, 100)]
    [InlineData(LossWeighting.InverseSquare, 9.0, 200f, 9)]
    [InlineData(LossWeighting.InverseSquare, 9.0, 500f, 4)]
    [InlineData(LossWeighting.Cosmap, null, 500f, 4 / Math.PI)]
    [InlineData(LossWeighting.Cosmap, null, 0f, 2 / Math.PI)]
    [InlineData(LossWeighting.Cosmap, null, 250f, 2 / Math.PI / 0.625)]
    public void Loss_weighs_noise_levels_by_the_law_that_is_named(LossWeighting weighting, double? largest, float t, double expected)
    {
        using var scope = NewDisposeScope();
        var options = new RFlowOptions { LossWeighting = weighting, LargestWeight = largest };
        Assert.All(
            new[] { options, options with { TransformScale = 0.25 }, options with { SigmaData = 0.5 } },
            one => Assert.Equal(expected, Process(one).LossWeight(tensor([t]))!.item<float>(), 1e-5 * expected));
    }

    [Fact]
    public void Loss_weighs_each_sample_of_the_batch_in_float32_where_it_is_asked_to()
    {
        using var scope = NewDisposeScope();
        Assert.Null(Process().LossWeight(tensor([300f, 600f])));
        var weights = Process(new RFlowOptions { LossWeighting = LossWeighting.Cosmap }).LossWeight(tensor([300f, 600f]))!;
        Assert.Equal((ScalarType.Float32, 2L), (weights.dtype, weights.shape.Single()));
    }

    [Theory]
    [InlineData(LossWeighting.None)]
    [InlineData(LossWeighting.Cosmap)]
    public void Largest_weight_of_what_has_one_is_refused(LossWeighting weighting) => Assert.Equal(
        "largest_weight",
        Assert.Throws<PlanException>(() => Process(new RFlowOptions { LossWeighting = weighting, LargestWeight = 5 })).Key);

    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public void Quantile_of_nothing_or_all_is_refused(double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Process().TimestepQuantile(share));

    [Fact]
    public void Discrete_times_are_whole_numbers() =>
        Assert.All(Draw(new RFlowOptions { DiscreteTimesteps = true }, 1000), t => Assert.Equal(MathF.Round(t), t, 1e-4f));

    public static TheoryData<RFlowOptions> ChangedOptions =>
    [
        new RFlowOptions { Sampling = TimeSampling.Uniform },
        new RFlowOptions { Sampling = TimeSampling.Mixture },
        new RFlowOptions { Loc = 0.5 },
        new RFlowOptions { Scale = 2 },
        new RFlowOptions { DiscreteTimesteps = true },
        new RFlowOptions { TransformBase = TransformBase.Volume },
        new RFlowOptions { TransformScale = 2 },
    ];

    [Theory]
    [MemberData(nameof(ChangedOptions), DisableDiscoveryEnumeration = true)]
    public void Every_time_option_changes_the_draws(RFlowOptions changed)
    {
        var volume = new VolumeShape(1, 16, 16, 16);
        Assert.NotEqual(Draw(new RFlowOptions(), 100, volume), Draw(changed, 100, volume));
    }

    [Fact]
    public void Timesteps_of_one_stream_are_reproducible_floats_on_the_cpu()
    {
        Assert.Equal(Draw(new RFlowOptions(), 100), Draw(new RFlowOptions(), 100));
        using var random = new Generator(1, CPU);
        using var timesteps = Process().SampleTimesteps(4, random);
        Assert.Equal((ScalarType.Float32, DeviceType.CPU, 4L), (timesteps.dtype, timesteps.device_type, timesteps.shape.Single()));
    }
}
