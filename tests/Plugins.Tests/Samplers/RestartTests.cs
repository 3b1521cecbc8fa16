using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;
using Prediction = VoxelZoo.Plugins.DDPM.Prediction;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class RestartTests
{
    private static readonly long[] Shape = [2, 1, 4, 4, 4];

    // a grid of ten steps: 0.2 is reached, noise goes up to 0.5, three steps of 0.1 lead back, all of it twice
    [Fact]
    public void Times_are_the_grid_with_restarts_from_t_min()
    {
        var (times, progress) = Run(new() { Steps = 10, N = 3, K = 2, TMin = 0.2, TMax = 0.5 });
        AssertTimes([1000, 900, 800, 700, 600, 500, 400, 300, 500, 400, 300, 500, 400, 300, 200, 100], times);
        Assert.Equal(Enumerable.Range(1, 16), progress.Select(step => step.Done));
        Assert.All(progress, step => Assert.Equal(16, step.Total));
        Assert.Equal(0, progress[^1].Timestep);
    }

    [Theory]
    [InlineData(0.18, 0.5, 200)]
    [InlineData(0.14, 0.5, 100)]
    [InlineData(0, 0.5, 100)] // never 0 itself
    [InlineData(0.45, 0.5, 400)] // 500 is not below t_max
    [InlineData(0.29, 0.3, 200)]
    public void Restart_starts_from_the_nearest_time_of_the_grid_below_t_max(double least, double most, double expected)
    {
        var (_, progress) = Run(new() { Steps = 10, N = 1, K = 1, TMin = least, TMax = most });
        var again = progress.Zip(progress.Skip(1)).Single(pair => pair.First.Timestep == pair.Second.Timestep);
        Assert.Equal(expected, again.First.Timestep, 1e-9);
    }

    // an exact network for one point: Euler's method is exact on straight lines, so every x that the network sees must
    // have the process's own moments
    [Fact]
    public void Marginals_stay_those_of_the_process_on_rectified_flow()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var process = Flow();
        var exact = Exact(process, tensor(2f), 0);
        Create(new() { Steps = 8, N = 4, K = 3, TMin = 0.25, TMax = 0.6 }).Sample(Task(process, randn([1, 1, 32, 32, 32]), (x, t) =>
        {
            Assert.Equal(2 * process.Alpha(t), x.mean().ToDouble(), 0.03);
            Assert.Equal(process.Sigma(t), x.std().ToDouble(), 0.02 * process.Sigma(t));
            return exact(x, t);
        }, random));
    }

    [Fact]
    public void Noise_is_added_as_ddpm_adds_it()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var process = Ddpm(new() { Prediction = Prediction.Velocity });
        var exact = Exact(process, tensor(2f), 0);
        var restarts = 0;
        Create(new() { Steps = 100, N = 20, K = 2, TMin = 0.2, TMax = 0.45 }).Sample(Task(process, randn([1, 1, 32, 32, 32]), (x, t) =>
        {
            if (Math.Abs(t - 450) < 1e-9)
            {
                restarts++;
                Assert.Equal(2 * process.Alpha(t), x.mean().ToDouble(), 0.03);
                Assert.Equal(process.Sigma(t), x.std().ToDouble(), 0.03 * process.Sigma(t));
            }

            return exact(x, t);
        }, random));
        Assert.Equal(2, restarts);
    }

    // from x at 0.2 to 0.5 by hand: α = 0.5/0.8, σ² = 0.5² − α²·0.2²
    [Fact]
    public void Noise_added_is_that_of_the_formula()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        using var same = new Generator(3, CPU);
        List<float[]> seen = [];
        Create(new() { Steps = 5, N = 1, K = 1, TMin = 0.2, TMax = 0.5 }).Sample(Task(Flow(), randn(Shape), (x, _) =>
        {
            seen.Add(x.data<float>().ToArray());
            return zeros_like(x);
        }, random));
        var (kept, noise) = (0.5 / 0.8, randn(Shape, generator: same));
        var expected = tensor(seen[3]).view(Shape) * S(kept) + noise * S(Math.Sqrt(0.25 - kept * kept * 0.04));
        Assert.True(Reference.Difference(tensor(seen[4]).view(Shape), expected) < 1e-5);
    }

    [Theory]
    [InlineData(0.3, 0.3)]
    [InlineData(0.5, 0.2)]
    public void Window_without_width_is_refused(double least, double most) =>
        Assert.Equal("t_max", Assert.Throws<PlanException>(() => Create(new() { TMin = least, TMax = most })).Key);

    [Fact]
    public void Grid_without_a_time_below_t_max_is_refused()
    {
        var error = Assert.Throws<PlanException>(() => Run(new() { Steps = 5, TMin = 0.05, TMax = 0.2 }));
        Assert.Equal("t_max", error.Key);
        Assert.Equal(
            "none of the 5 steps ends between τ = 0 and t_max 0.2, the last one before 0 at 0.2; raise t_max or steps", error.Message);
    }

    [Fact]
    public void Cancellation_stops_between_the_steps_of_a_restart()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        using var source = new CancellationTokenSource();
        var calls = 0;
        var task = Task(Flow(), randn(Shape), (x, _) =>
        {
            if (++calls == 10)
                source.Cancel();
            return zeros_like(x);
        }, random);
        Assert.Throws<OperationCanceledException>(() =>
            Create(new() { Steps = 10, N = 5, K = 1, TMin = 0.2, TMax = 0.5 }).Sample(task with { Cancellation = source.Token }));
        Assert.Equal(10, calls);
    }

    private static (List<double> Times, List<SamplerStep> Progress) Run(RestartOptions options)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        List<double> times = [];
        List<SamplerStep> progress = [];
        Create(options).Sample(Task(Flow(), randn(Shape), (x, t) =>
        {
            times.Add(t);
            return zeros_like(x);
        }, random) with { Progress = progress.Add });
        return (times, progress);
    }

    private static void AssertTimes(double[] expected, List<double> times)
    {
        Assert.Equal(expected.Length, times.Count);
        Assert.All(expected.Zip(times), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    }

    private static Sampler Create(RestartOptions options) => ((ISampler<RestartOptions>)new RestartSampler()).Create(options, Contexts.Cpu);

    private static SamplingTask Task(NoiseProcess process, Tensor noise, Predictor predict, Generator random) =>
        new() { Noise = noise, Process = process, Predict = predict, Random = random };
}
