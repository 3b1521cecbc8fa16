using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DDPM;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.DDPM;

public sealed class DdpmTests
{
    public static TheoryData<Prediction, NoiseSchedule> Combinations => [..
        from prediction in Enum.GetValues<Prediction>()
        from schedule in Enum.GetValues<NoiseSchedule>()
        select (prediction, schedule)];

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Perfect_prediction_gives_back_data_and_noise(Prediction prediction, NoiseSchedule schedule)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Prediction = prediction, Schedule = schedule });
        var (clean, noise) = (randn([4, 2, 4, 4, 4]), randn([4, 2, 4, 4, 4]));
        var timesteps = tensor([1f, 30f, 500.4f, 970f]);

        var noisy = process.AddNoise(clean, noise, timesteps);
        var target = process.Target(clean, noise, timesteps);

        Assert.True(Reference.Difference(process.Clean(noisy, target, timesteps), clean) < 1e-4);
        Assert.True(Reference.Difference(process.Noise(noisy, target, timesteps), noise) < 1e-3);
    }

    // within a step, where the interpolated schedule is smooth
    [Theory]
    [MemberData(nameof(Combinations))]
    public void Derivative_of_a_perfect_prediction_is_the_slope_of_the_path(Prediction prediction, NoiseSchedule schedule)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Prediction = prediction, Schedule = schedule });
        var (clean, noise) = (randn([1, 1, 4, 4, 4]), randn([1, 1, 4, 4, 4]));
        foreach (var t in new[] { 0.5, 3.5, 200.5, 640.25, 990.5 })
        {
            var timesteps = tensor([(float)t]);
            var derivative = process.Derivative(
                process.AddNoise(clean, noise, timesteps), process.Target(clean, noise, timesteps), timesteps);
            var expected = clean * S(Slope(process.Alpha, t)) + noise * S(Slope(process.Sigma, t));
            Assert.True(Reference.Difference(derivative, expected) < 2e-3, $"t = {t}");
        }

        static double Slope(Func<double, double> f, double t) => (f(t + 0.01) - f(t - 0.01)) / 0.02 * NoiseProcess.Horizon;
    }

    // for data N(0, s²) the exact flow is known: x_t keeps its quantile, so that the sample is s·noise
    [Theory]
    [InlineData(Prediction.Epsilon)]
    [InlineData(Prediction.Sample)]
    [InlineData(Prediction.Velocity)]
    public void Probability_flow_turns_noise_into_Gaussian_data(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Prediction = prediction });
        var noise = randn([1, 1, 4, 4, 4]);
        var euler = ((ISampler<EulerOptions>)new EulerSampler()).Create(new EulerOptions { Steps = 500 }, Contexts.Cpu);
        var task = new SamplingTask { Noise = noise, Process = process, Predict = Exact(process, zeros(1), 0.5), Random = null! };
        Assert.True(Reference.Difference(euler.Sample(task), noise * S(0.5)) < 0.01);
    }

    [Fact]
    public void Slope_at_a_whole_timestep_is_that_of_the_times_below_it()
    {
        using var scope = NewDisposeScope();
        var process = Ddpm();
        var (noisy, predicted) = (randn([1, 1, 4, 4, 4]), randn([1, 1, 4, 4, 4]));
        var at = process.Derivative(noisy, predicted, tensor([990f]));
        Assert.True(Reference.Difference(at, process.Derivative(noisy, predicted, tensor([989.999f]))) < 1e-3);
        Assert.True(Reference.Difference(at, process.Derivative(noisy, predicted, tensor([990.001f]))) > 1e-2);
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Path_starts_at_the_data_exactly_and_everything_is_finite_at_both_ends(Prediction prediction, NoiseSchedule schedule)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Prediction = prediction, Schedule = schedule, MinSnrGamma = 5 });
        var (noisy, predicted) = (randn([2, 1, 4, 4, 4]), randn([2, 1, 4, 4, 4]));
        Assert.Equal((1.0, 0.0), (process.Alpha(0), process.Sigma(0)));
        Assert.Equal(0, Reference.Difference(process.AddNoise(noisy, predicted, zeros(2)), noisy));

        var ends = tensor([0f, 1000f]);
        Assert.True(process.Clean(noisy, predicted, ends).isfinite().all().item<bool>());
        Assert.True(process.Noise(noisy, predicted, ends).isfinite().all().item<bool>());
        Assert.True(process.Derivative(noisy, predicted, ends).isfinite().all().item<bool>());
        Assert.True(process.LossWeight(ends)!.isfinite().all().item<bool>());
    }

    // an error of ε makes an error of x0 that is 1/α times as large, here at most two hundred times
    [Theory]
    [InlineData(1000)]
    [InlineData(998)]
    [InlineData(990)]
    public void Error_of_epsilon_is_magnified_two_hundredfold_at_most(double t)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm();
        var (clean, noise, timesteps) = (ones([1, 1, 2, 2, 2]), randn([1, 1, 2, 2, 2]), tensor([(float)t]));
        var noisy = process.AddNoise(clean, noise, timesteps);
        var error = process.Clean(noisy, noise + S(0.01), timesteps) - process.Clean(noisy, noise, timesteps);
        Assert.Equal(0.01 * Math.Min(1 / process.Alpha(t), 200), error.abs().max().ToDouble(), 1e-3);
    }

    [Theory]
    [InlineData(Prediction.Epsilon, 1, 0)]
    [InlineData(Prediction.Sample, 0, 1)]
    [InlineData(Prediction.Velocity, 0.6, -0.8)]
    public void Target_is_the_noise_the_data_or_alpha_noise_minus_sigma_data(Prediction prediction, double ofNoise, double ofClean)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Prediction = prediction });
        // where α is 0.6, and so σ 0.8
        var t = Enumerable.Range(0, 100_001).Select(k => k / 100.0).MinBy(k => Math.Abs(process.Alpha(k) - 0.6));
        var (clean, noise) = (randn([1, 1, 4, 4, 4]), randn([1, 1, 4, 4, 4]));
        Assert.True(Reference.Difference(process.Target(clean, noise, tensor([(float)t])), noise * S(ofNoise) + clean * S(ofClean)) < 1e-4);
    }

    [Fact]
    public void Results_are_new_tensors()
    {
        using var scope = NewDisposeScope();
        var (clean, noise, timesteps) = (randn([1, 1, 2, 2, 2]), randn([1, 1, 2, 2, 2]), tensor([300f]));
        Assert.All(Enum.GetValues<Prediction>(), prediction =>
        {
            var process = Ddpm(new DdpmOptions { Prediction = prediction });
            var before = clean.clone();
            process.Target(clean, noise, timesteps).zero_();
            process.Clean(noise, clean, timesteps).zero_();
            process.Noise(noise, clean, timesteps).zero_();
            Assert.Equal(0, Reference.Difference(clean, before));
        });
    }

    // γ caps the loss in terms of x0, whatever is predicted: an ε-loss weighs SNR there, a v-loss SNR + 1
    [Theory]
    [InlineData(0.5)]
    [InlineData(5)]
    public void Min_snr_weighs_all_predictions_alike_in_terms_of_the_data(double gamma)
    {
        using var scope = NewDisposeScope();
        foreach (var t in new[] { 1.0, 50, 300, 600, 999, 1000 })
        {
            var snr = Math.Pow(Ddpm().Alpha(t) / Ddpm().Sigma(t), 2);
            var expected = Math.Min(snr, gamma);
            Assert.Equal(1, Weight(Prediction.Epsilon) * snr / expected, 1e-5);
            Assert.Equal(1, Weight(Prediction.Sample) / expected, 1e-5);
            Assert.Equal(1, Weight(Prediction.Velocity) * (snr + 1) / expected, 1e-5);

            double Weight(Prediction prediction) =>
                Ddpm(new DdpmOptions { Prediction = prediction, MinSnrGamma = gamma }).LossWeight(tensor([(float)t]))!.item<float>();
        }
    }

    [Fact]
    public void Weights_are_off_by_default_and_one_float_a_sample_where_they_are_on()
    {
        using var scope = NewDisposeScope();
        Assert.Null(Ddpm().LossWeight(tensor([300f, 600f])));
        var weights = Ddpm(new DdpmOptions { MinSnrGamma = 5 }).LossWeight(tensor([300f, 600f]))!;
        Assert.Equal((ScalarType.Float32, 2L), (weights.dtype, weights.shape.Single()));
    }

    [Fact]
    public void Training_times_are_whole_and_uniform_from_1_to_1000()
    {
        using var random = new Generator(11, CPU);
        using var drawn = Ddpm().SampleTimesteps(200_000, random);
        var times = drawn.data<float>().ToArray();
        Assert.All(times, t => Assert.Equal(MathF.Round(t), t));
        Assert.Equal((1f, 1000f), (times.Min(), times.Max()));
        Assert.Equal(500.5, times.Average(), 4 * 288.7 / Math.Sqrt(times.Length));
        Assert.Equal((1e6 - 1) / 12, times.Average(t => Math.Pow(t - 500.5, 2)), 1000.0);
    }

    [Theory]
    [InlineData(0.0005, 1)]
    [InlineData(0.05, 50)]
    [InlineData(0.0505, 51)]
    [InlineData(0.9995, 1000)]
    public void Quantiles_of_the_training_law_are_those_of_whole_uniform_times(double share, double expected) =>
        Assert.Equal(expected, Ddpm().TimestepQuantile(share));

    [Fact]
    public void Network_is_told_the_index_of_ddpm()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([0, 0, 0, 499, 999], Ddpm().NetworkTimesteps(tensor([0f, 0.5f, 1f, 500f, 1000f])).data<float>().ToArray());
    }

    [Fact]
    public void Process_works_without_memory()
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { MinSnrGamma = 5 });
        var (x, timesteps) = (zeros([2, 1, 160, 256, 256], device: META), zeros([2], device: META));
        Assert.Equal(x.shape, process.Derivative(x, process.Target(x, process.AddNoise(x, x, timesteps), timesteps), timesteps).shape);
        Assert.Equal(DeviceType.META, process.LossWeight(timesteps)!.device_type);
    }
}
