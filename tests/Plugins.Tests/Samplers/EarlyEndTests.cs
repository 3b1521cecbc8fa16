using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;
using Prediction = VoxelZoo.Plugins.DDPM.Prediction;

namespace VoxelZoo.Plugins.Tests.Samplers;

/// <summary><c>tau_end</c> of the solvers with a fixed number of steps.</summary>
public sealed class EarlyEndTests
{
    private static readonly long[] Shape = [2, 1, 4, 4, 4];

    public static TheoryData<string> Names => ["euler", "midpoint", "heun2", "heun3", "rk4"];

    // calls in four steps: three of the method and the closing one
    [Theory]
    [InlineData("euler", 4)]
    [InlineData("midpoint", 7)]
    [InlineData("heun2", 7)]
    [InlineData("heun3", 10)]
    [InlineData("rk4", 13)]
    public void Network_is_last_asked_at_the_end_and_nowhere_below(string name, int calls)
    {
        using var scope = NewDisposeScope();
        foreach (var process in new[] { Flow(), Flow(new() { TransformScale = 0.25 }), Ddpm() })
        {
            List<double> asked = [];
            List<SamplerStep> progress = [];
            Create(name, 4, 0.07).Sample(Task(process, (x, t) =>
            {
                asked.Add(t);
                return zeros_like(x);
            }) with { Progress = progress.Add });
            Assert.Equal(calls, asked.Count);
            Assert.Equal((process.TimeGrid(4)[0], 70.0, 70.0), (asked[0], asked[^1], asked.Min()));
            Assert.Equal(new SamplerStep(4, 4, 0), progress[^1]);
        }
    }

    [Fact]
    public void Grid_is_the_processs_stretched_to_the_end()
    {
        // 1, ¾, ½, ¼, 0 with ¼ moved to 0.1: the distances from 1 grow by 0.9/0.75
        Assert.Equal([1000, 700, 400, 100, 0], new EarlyEnd(0.1).TimeGrid(Flow(), 4), (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.Equal(Flow().TimeGrid(4), new EarlyEnd(0.25).TimeGrid(Flow(), 4), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    // on rectified flow the clean sample that is seen is where Euler's step leads, so the grid's own last time changes nothing
    [Theory]
    [InlineData("euler")]
    [InlineData("heun2")]
    [InlineData("rk4")]
    public void End_at_the_grids_own_last_time_changes_nothing_on_rectified_flow(string name)
    {
        using var scope = NewDisposeScope();
        var task = Task(Flow(), Equations.GaussianVelocity(2, 1));
        Assert.True(Reference.Difference(Create(name, 10, 0.1).Sample(task), Create(name, 10, null).Sample(task)) < 1e-5);
    }

    // what it is for: a network that says nonsense below τ = 0.05 spoils every sampler of more than 20 steps, and none that ends there
    [Theory]
    [MemberData(nameof(Names))]
    public void Network_untrained_at_low_noise_spoils_many_steps_and_none_that_end_before(string name)
    {
        using var scope = NewDisposeScope();
        var point = full(Shape, S(0.3));
        var exact = Exact(Flow(), point, 0);
        var task = Task(Flow(), (x, t) => t < 49.99 ? full_like(x, S(50.0)) : exact(x, t));
        Assert.True(Reference.Difference(Create(name, 100, 0.05).Sample(task), point) < 1e-4);
        Assert.True(Reference.Difference(Create(name, 100, null).Sample(task), point) > 0.1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Exact_prediction_for_one_point_ends_at_it_on_every_process(string name)
    {
        using var scope = NewDisposeScope();
        NoiseProcess[] processes =
        [
            Flow(), Flow(new() { TransformScale = 0.25 }),
            Ddpm(), Ddpm(new() { Prediction = Prediction.Velocity }), Ddpm(new() { Prediction = Prediction.Sample }),
        ];
        foreach (var process in processes)
        {
            var point = Equations.Drawn(Shape, 1);
            var sample = Create(name, 50, 0.2).Sample(Task(process, Exact(process, point, 0)));
            Assert.True(Reference.Difference(sample, point) < 1e-3, $"{process}: {Reference.Difference(sample, point)}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void End_that_no_step_can_have_is_refused(string name)
    {
        using var scope = NewDisposeScope();
        Assert.Equal("tau_end", Refusal(() => Create(name, 1, 0.05).Sample(Task(Flow(), (x, _) => x.clone()))));
        Assert.Equal("tau_end", Refusal(() => new EarlyEnd(0.5).TimeGrid(new Late(), 2)));
        if (name != "euler")
            Assert.Equal("tau_end", Refusal(() => Create(name, 4, 0.05, Terminal.Integrate)));
        Create(name, 4, 0.05, Terminal.Euler);

        static string? Refusal(Action action) => Assert.Throws<PlanException>(action).Key;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Live_tensors_do_not_grow_with_the_steps(string name)
    {
        using var scope = NewDisposeScope();
        LiveTensors.Settled();
        List<long> live = [];
        Create(name, 20, 0.02).Sample(Task(Flow(), (x, _) => x * S(0.5)) with { Progress = _ => live.Add(Tensor.TotalCount) });
        Assert.Equal(live[0], live[^1]);
    }

    private static Sampler Create(string name, int steps, double? end, Terminal? terminal = null)
    {
        var options = new FixedStepOptions { Steps = steps, TauEnd = end, Terminal = terminal };
        return name switch
        {
            "euler" => new EulerSampler().Create(new EulerOptions { Steps = steps, TauEnd = end }, Contexts.Cpu),
            "midpoint" => new MidpointSampler().Create(options, Contexts.Cpu),
            "heun2" => new Heun2Sampler().Create(options, Contexts.Cpu),
            "heun3" => new Heun3Sampler().Create(options, Contexts.Cpu),
            _ => new Rk4Sampler().Create(options, Contexts.Cpu),
        };
    }

    private static SamplingTask Task(NoiseProcess process, Predictor predict) =>
        new() { Noise = Equations.Drawn(Shape, 2), Process = process, Predict = predict, Random = null! };

    /// <summary>A process whose grid begins at τ = 0.4.</summary>
    private sealed class Late : NoiseProcess
    {
        public override double[] TimeGrid(int steps) => [400, 200, 0];

        public override double Alpha(double t) => throw new NotSupportedException();

        public override double Sigma(double t) => throw new NotSupportedException();

        public override Tensor SampleTimesteps(long batch, Generator random) => throw new NotSupportedException();

        public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) => throw new NotSupportedException();
    }
}
