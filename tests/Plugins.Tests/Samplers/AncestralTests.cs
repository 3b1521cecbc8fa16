using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DDPM;
using VoxelZoo.Plugins.RFlow;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class AncestralTests
{
    private const int Voxels = 40 * 40 * 40;

    // four standard errors of a variance
    private static readonly double Tolerance = 4 * Math.Sqrt(2.0 / Voxels);

    private static Sampler Ancestral(AncestralOptions options) =>
        ((ISampler<AncestralOptions>)new AncestralSampler()).Create(options, Contexts.Cpu);

    /// <summary>Variance of the samples of Gaussian data of the given deviation, from their exact denoiser.</summary>
    private static double SampledVariance(NoiseProcess process, double deviation, AncestralOptions options)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var task = new SamplingTask
        {
            Noise = randn([1, 1, 40, 40, 40]),
            Process = process,
            Predict = Exact(process, zeros(1), deviation),
            Random = random,
        };
        return Ancestral(options).Sample(task).var().ToDouble();
    }

    public static TheoryData<NoiseProcess> Processes =>
    [
        Ddpm(),
        Ddpm(new DdpmOptions { Prediction = Plugins.DDPM.Prediction.Velocity, Schedule = NoiseSchedule.LinearBeta }),
        Flow(new RFlowOptions { Prediction = Plugins.RFlow.Prediction.Sample }),
    ];

    // at a thousand steps the two variances have all but met
    [Theory]
    [MemberData(nameof(Processes), DisableDiscoveryEnumeration = true)]
    public void Samples_of_Gaussian_data_have_the_variance_of_the_data(NoiseProcess process) =>
        Assert.Equal(1, SampledVariance(process, 0.5, new AncestralOptions()) / 0.25, Tolerance + 0.02);

    // with few steps the small variance falls short of the data's, by an amount that follows from the
    // posterior: with x̂0 = k·x each step is x' = (α'k + d(1 − αk)/σ)·x + noise
    [Theory]
    [MemberData(nameof(Processes), DisableDiscoveryEnumeration = true)]
    public void Variance_follows_the_closed_form_at_every_number_of_steps(NoiseProcess process)
    {
        foreach (var steps in new[] { 2, 5, 20 })
        {
            var expected = 1.0;
            var grid = process.TimeGrid(steps);
            foreach (var (t, next) in grid.Zip(grid.Skip(1)))
            {
                var (alpha, sigma, after, left) = (process.Alpha(t), process.Sigma(t), process.Alpha(next), process.Sigma(next));
                var estimate = alpha * 0.25 / (alpha * alpha * 0.25 + sigma * sigma);
                var conditional = sigma * sigma - Math.Pow(alpha / after * left, 2); // of x given x'
                var direction = alpha / after * left * left / sigma;
                var factor = after * estimate + direction * (1 - alpha * estimate) / sigma;
                expected = factor * factor * expected + left * left / (sigma * sigma) * conditional;
            }

            // at t = 1000 ε and x0 are limited, so that the denoiser is a little less than exact there
            Assert.Equal(1, SampledVariance(process, 0.5, new AncestralOptions { Steps = steps }) / expected, Tolerance + 1e-3);
        }
    }

    // the large variance is the exact one for data of variance 1, at any number of steps but for the last, which takes the mean
    [Theory]
    [MemberData(nameof(Processes), DisableDiscoveryEnumeration = true)]
    public void Large_variance_is_exact_for_data_of_variance_1(NoiseProcess process)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var exact = Exact(process, zeros(1), 1);
        var first = process.TimeGrid(5)[0];
        Ancestral(new AncestralOptions { Steps = 5, Variance = StepVariance.Large }).Sample(new SamplingTask
        {
            Noise = randn([1, 1, 40, 40, 40]) * S(Marginal(first)),
            Process = process,
            Predict = (x, t) =>
            {
                Assert.Equal(1, x.std().ToDouble() / Marginal(t), Tolerance);
                return exact(x, t);
            },
            Random = random,
        });

        double Marginal(double t) => Math.Sqrt(Math.Pow(process.Alpha(t), 2) + Math.Pow(process.Sigma(t), 2));
    }

    [Fact]
    public void Variance_option_changes_the_samples() =>
        Assert.True(
            SampledVariance(Ddpm(), 0.5, new AncestralOptions { Steps = 5, Variance = StepVariance.Large })
            > 1.2 * SampledVariance(Ddpm(), 0.5, new AncestralOptions { Steps = 5 }));

    [Theory]
    [InlineData(StepVariance.Small)]
    [InlineData(StepVariance.Large)]
    public void Exact_prediction_of_one_point_ends_at_that_point(StepVariance variance)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var process = Ddpm();
        var (point, noise) = (randn([2, 1, 4, 4, 4]), randn([2, 1, 4, 4, 4]));
        var task = new SamplingTask { Noise = noise, Process = process, Predict = Exact(process, point, 0), Random = random };
        Assert.True(Reference.Difference(Ancestral(new AncestralOptions { Steps = 20, Variance = variance }).Sample(task), point) < 1e-4);
    }

    [Fact]
    public void Default_visits_every_timestep()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        List<double> times = [];
        Ancestral(new AncestralOptions()).Sample(new SamplingTask
        {
            Noise = randn([1, 1, 1, 1, 1]),
            Process = Ddpm(),
            Predict = (x, t) =>
            {
                times.Add(t);
                return x.clone();
            },
            Random = random,
        });
        Assert.Equal(Enumerable.Range(0, 1000).Select(k => 1000.0 - k), times);
    }
}
