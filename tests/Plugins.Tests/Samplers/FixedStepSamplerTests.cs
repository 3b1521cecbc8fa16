using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;
using Prediction = VoxelZoo.Plugins.DDPM.Prediction;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class FixedStepSamplerTests
{
    private static readonly long[] Shape = [2, 1, 4, 4, 4];

    private static readonly Dictionary<string, ISampler<FixedStepOptions>> ByName = new()
    {
        ["midpoint"] = new MidpointSampler(),
        ["heun2"] = new Heun2Sampler(),
        ["heun3"] = new Heun3Sampler(),
        ["rk4"] = new Rk4Sampler(),
    };

    public static TheoryData<string> Names => [.. ByName.Keys];

    [Theory]
    [InlineData("midpoint", null, new[] { 1000.0, 750, 500, 250 })]
    [InlineData("midpoint", Terminal.Integrate, new[] { 1000.0, 750, 500, 250 })]
    [InlineData("midpoint", Terminal.Euler, new[] { 1000.0, 750, 500 })]
    [InlineData("heun2", null, new[] { 1000.0, 500, 500 })]
    [InlineData("heun2", Terminal.Euler, new[] { 1000.0, 500, 500 })]
    [InlineData("heun2", Terminal.Integrate, new[] { 1000.0, 500, 500, 0 })]
    [InlineData("heun3", null, new[] { 1000.0, 2500 / 3.0, 2000 / 3.0, 500, 1000 / 3.0, 500 / 3.0 })]
    [InlineData("heun3", Terminal.Euler, new[] { 1000.0, 2500 / 3.0, 2000 / 3.0, 500 })]
    [InlineData("rk4", null, new[] { 1000.0, 2500 / 3.0, 2000 / 3.0, 500, 500 })]
    [InlineData("rk4", Terminal.Integrate, new[] { 1000.0, 2500 / 3.0, 2000 / 3.0, 500, 500, 1000 / 3.0, 500 / 3.0, 0 })]
    public void Network_is_called_once_a_stage_and_at_the_end_only_if_asked_to(string name, Terminal? terminal, double[] expected)
    {
        using var scope = NewDisposeScope();
        List<double> times = [];
        Create(name, 2, terminal).Sample(Task(Flow(), Equations.Drawn(Shape, 1), (x, t) =>
        {
            times.Add(t);
            return zeros_like(x);
        }));
        Assert.Equal(expected.Length, times.Count);
        Assert.All(expected.Zip(times), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    }

    // the network sees float32; what float32 loses in a thousand additions does not add up
    [Theory]
    [MemberData(nameof(Names))]
    public void State_is_kept_in_float64_and_shown_in_float32(string name)
    {
        using var scope = NewDisposeScope();
        var x = Create(name, 1000).Sample(Task(Flow(), ones(Shape) * S(1000.0), (x, _) =>
        {
            Assert.Equal(ScalarType.Float32, x.dtype);
            return full_like(x, S(-0.1));
        }));
        Assert.Equal(ScalarType.Float32, x.dtype);
        Assert.Equal(999.9, x.max().ToDouble(), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Steps_follow_the_grid_of_the_process(string name)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm();
        List<SamplerStep> progress = [];
        Create(name, 5).Sample(Task(process, Equations.Drawn(Shape, 2), (x, _) => x.tanh()) with { Progress = progress.Add });
        Assert.Equal(process.TimeGrid(5)[1..], progress.Select(step => step.Timestep));
        Assert.Equal([(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)], progress.Select(step => (step.Done, step.Total!.Value)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Exact_field_of_one_point_ends_at_that_point(string name)
    {
        using var scope = NewDisposeScope();
        NoiseProcess[] processes =
        [
            Flow(), Flow(new() { TransformScale = 0.25 }), Ddpm(), Ddpm(new() { Prediction = Prediction.Velocity }),
        ];
        foreach (var process in processes)
        {
            var (point, noise) = (Equations.Drawn(Shape, 3), Equations.Drawn(Shape, 4));
            var sample = Create(name, 50).Sample(Task(process, noise, Exact(process, point, 0)));
            Assert.True(Reference.Difference(sample, point) < 3e-2, $"{process}: {Reference.Difference(sample, point)}");
        }
    }

    // data of deviation s = 0.001 around 0: the exact network removes noise at τ ≫ s and cannot see it at τ = 0. A last
    // step of length h that weighs the slope at τ = 0 with b leaves b·h of the noise; the best there is leaves s of it
    [Theory]
    [InlineData("heun2", 5, 0.5)]
    [InlineData("heun2", 10, 0.5)]
    [InlineData("rk4", 5, 0.125)]
    [InlineData("rk4", 10, 0.125)]
    public void Step_to_the_end_leaves_noise_unless_it_is_eulers(string name, int steps, double weight)
    {
        using var scope = NewDisposeScope();
        var euler = ((ISampler<EulerOptions>)new EulerSampler()).Create(new() { Steps = steps }, Contexts.Cpu);
        Assert.True(Left(Create(name, steps)) <= Left(euler) + 1e-6);
        Assert.Equal(weight / steps, Left(Create(name, steps, Terminal.Integrate)), 0.02 * weight / steps);
    }

    [Theory]
    [InlineData("midpoint")]
    [InlineData("heun3")]
    public void Solver_without_a_stage_at_the_end_leaves_no_more_noise_than_the_data_have(string name)
    {
        using var scope = NewDisposeScope();
        Assert.True(Left(Create(name, 5)) < 1e-3);
    }

    // smooth data (deviation 1 around 2): nearer to the exact solution with each order
    [Fact]
    public void Higher_order_comes_nearer_to_the_exact_sample()
    {
        using var scope = NewDisposeScope();
        var noise = Equations.Drawn(Shape, 5);
        var task = Task(Flow(), noise, Equations.GaussianVelocity(2, 1));
        var exact = noise + S(2.0); // the flow between two Gaussians of equal deviation shifts them
        double[] errors =
        [
            Reference.Difference(
                ((ISampler<EulerOptions>)new EulerSampler()).Create(new() { Steps = 10 }, Contexts.Cpu).Sample(task), exact),
            Reference.Difference(Create("midpoint", 10).Sample(task), exact),
            Reference.Difference(Create("heun3", 10).Sample(task), exact),
            Reference.Difference(Create("rk4", 10, Terminal.Integrate).Sample(task), exact),
        ];
        Assert.Equal(errors.OrderDescending(), errors);
        Assert.True(errors[0] > 100 * errors[^1], string.Join(", ", errors));
    }

    [Fact]
    public void Noise_of_the_caller_is_left_as_it_is()
    {
        using var scope = NewDisposeScope();
        var noise = Equations.Drawn(Shape, 6);
        var before = noise.clone();
        Create("heun2", 3).Sample(Task(Flow(), noise, (x, _) => ones_like(x)));
        Assert.Equal(0, Reference.Difference(noise, before));
    }

    [Fact]
    public void Cancellation_stops_before_the_next_step()
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        var calls = 0;
        var task = Task(Flow(), Equations.Drawn(Shape, 7), (x, _) =>
        {
            if (++calls == 4)
                source.Cancel();
            return zeros_like(x);
        });
        Assert.Throws<OperationCanceledException>(() => Create("rk4", 10).Sample(task with { Cancellation = source.Token }));
        Assert.Equal(4, calls);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Live_tensors_do_not_grow_with_the_steps(string name)
    {
        using var scope = NewDisposeScope();
        LiveTensors.Settled();
        List<long> live = [];
        Create(name, 20)
            .Sample(Task(Flow(), Equations.Drawn(Shape, 8), (x, _) => x * S(0.5)) with { Progress = _ => live.Add(Tensor.TotalCount) });
        Assert.Equal(live[0], live[^1]);
    }

    private static Sampler Create(string name, int steps, Terminal? terminal = null) =>
        ByName[name].Create(new FixedStepOptions { Steps = steps, Terminal = terminal }, Contexts.Cpu);

    private static SamplingTask Task(NoiseProcess process, Tensor noise, Predictor predict) =>
        new() { Noise = noise, Process = process, Predict = predict, Random = null! };

    /// <summary>How much of the noise is left on data of deviation 0.001.</summary>
    private static double Left(Sampler sampler)
    {
        var noise = Equations.Drawn([1, 1, 8, 8, 8], 9);
        return (sampler.Sample(Task(Flow(), noise, Equations.GaussianVelocity(0, 1e-3))) / noise).abs().mean().ToDouble();
    }
}
