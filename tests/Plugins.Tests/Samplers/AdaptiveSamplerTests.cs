using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;
using Prediction = VoxelZoo.Plugins.DDPM.Prediction;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class AdaptiveSamplerTests
{
    private static readonly long[] Shape = [2, 1, 4, 4, 4];

    private static readonly Dictionary<string, ISampler<AdaptiveOptions>> ByName = new()
    {
        ["fehlberg2"] = new Fehlberg2Sampler(),
        ["bosh3"] = new Bosh3Sampler(),
        ["dopri5"] = new Dopri5Sampler(),
        ["dopri8"] = new Dopri8Sampler(),
    };

    public static TheoryData<string> Names => [.. ByName.Keys];

    // two Gaussians of equal deviation: the flow shifts one to the other
    [Theory]
    [InlineData("fehlberg2", 3e-1)]
    [InlineData("bosh3", 1e-2)]
    [InlineData("dopri5", 1e-2)]
    [InlineData("dopri8", 1e-2)]
    public void Sample_is_as_near_to_the_exact_one_as_the_tolerance_asks(string name, double error)
    {
        using var scope = NewDisposeScope();
        var noise = Equations.Drawn(Shape, 1);
        foreach (var terminal in new[] { Terminal.Euler, Terminal.Integrate })
        {
            var sample = Create(name, new() { Terminal = terminal, Rtol = 1e-4, Atol = 1e-4 })
                .Sample(Task(Flow(), noise, Equations.GaussianVelocity(2, 1)));
            Assert.True(Equations.Distance(sample, noise + S(2.0)) < error, $"{terminal}: {Equations.Distance(sample, noise + S(2.0))}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Exact_field_of_one_point_ends_at_that_point(string name)
    {
        using var scope = NewDisposeScope();
        NoiseProcess[] processes =
        [
            Flow(), Ddpm(), Ddpm(new() { Prediction = Prediction.Sample }), Ddpm(new() { Prediction = Prediction.Velocity }),
        ];
        foreach (var process in processes)
        {
            var (point, noise) = (Equations.Drawn(Shape, 2), Equations.Drawn(Shape, 3));
            var sample = Create(name).Sample(Task(process, noise, Exact(process, point, 0)));
            Assert.True(Reference.Difference(sample, point) < 3e-2, $"{process}: {Reference.Difference(sample, point)}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Hardly_any_noise_is_left_on_narrow_data(string name)
    {
        using var scope = NewDisposeScope();
        var noise = Equations.Drawn(Shape, 4);
        var sample = Create(name).Sample(Task(Flow(), noise, Equations.GaussianVelocity(0, 1e-3)));
        Assert.True((sample / noise).abs().max().ToDouble() < 1e-3);
    }

    [Theory]
    [InlineData(null, 5)]
    [InlineData(0.05, 50)]
    public void Euler_goes_on_from_tau_end_without_another_call(double? end, double last)
    {
        using var scope = NewDisposeScope();
        List<double> times = [];
        List<SamplerStep> progress = [];
        Create("bosh3", new() { TauEnd = end })
            .Sample(Task(Flow(), Equations.Drawn(Shape, 5), Noted(times)) with { Progress = progress.Add });
        Assert.Equal(last, times.Min(), 1e-9);
        Assert.Equal([last, 0], progress[^2..].Select(step => step.Timestep));
        Assert.Equal(Enumerable.Range(1, progress.Count), progress.Select(step => step.Done));
        Assert.All(progress, step => Assert.Null(step.Total));
        Assert.Equal(1000, times[0]);
    }

    [Fact]
    public void Integration_to_the_end_tells_the_network_no_time_before_0()
    {
        using var scope = NewDisposeScope();
        List<double> times = [];
        List<SamplerStep> progress = [];
        Create("bosh3", new() { Terminal = Terminal.Integrate })
            .Sample(Task(Flow(), Equations.Drawn(Shape, 6), Noted(times)) with { Progress = progress.Add });
        Assert.Equal(0, times.Min());
        Assert.Equal(0, progress[^1].Timestep);
    }

    // samples of size 100, of which the relative tolerance is about, and of size 0.001, of which the absolute one is
    [Theory]
    [MemberData(nameof(Names))]
    public void Tighter_tolerances_take_more_calls(string name)
    {
        var loose = new AdaptiveOptions { Rtol = 1e-2, Atol = 1e-2, MaxEvaluations = 100_000 };
        Assert.True(Calls(100, loose with { Rtol = 1e-5 }) > Calls(100, loose));
        Assert.True(Calls(1e-3, loose with { Atol = 1e-7 }) > Calls(1e-3, loose));

        int Calls(double size, AdaptiveOptions options)
        {
            using var scope = NewDisposeScope();
            var calls = 0;
            Create(name, options).Sample(Task(Flow(), full(Shape, S(size)), (x, t) =>
            {
                calls++;
                return x * S(Math.Cos(t / 100));
            }));
            return calls;
        }
    }

    [Fact]
    public void Cap_on_evaluations_ends_in_a_sentence_after_exactly_so_many()
    {
        using var scope = NewDisposeScope();
        List<double> times = [];
        var sampler = Create("dopri5", new() { MaxEvaluations = 20 });
        var error = Assert.Throws<InvalidOperationException>(() => sampler.Sample(Task(Flow(), Equations.Drawn(Shape, 7), (x, t) =>
        {
            times.Add(t);
            return (x * S(100 * Math.Cos(t))).sin();
        })));
        Assert.Equal(20, times.Count);
        Assert.StartsWith("max_evaluations 20 is used up at t = ", error.Message);
    }

    [Fact]
    public void Tau_end_is_refused_where_nothing_ends_there()
    {
        var error = Assert.Throws<PlanException>(() => Create("dopri5", new() { Terminal = Terminal.Integrate, TauEnd = 0.01 }));
        Assert.Equal("tau_end", error.Key);
    }

    [Fact]
    public void Cancellation_stops_before_the_next_attempt()
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        var calls = 0;
        var task = Task(Flow(), Equations.Drawn(Shape, 8), (x, _) =>
        {
            if (++calls == 3)
                source.Cancel();
            return x.sin();
        });
        Assert.Throws<OperationCanceledException>(() => Create("bosh3").Sample(task with { Cancellation = source.Token }));
        Assert.Equal(2 + 3, calls); // two to choose the first step, three for that
    }

    private static Sampler Create(string name, AdaptiveOptions? options = null) =>
        ByName[name].Create(options ?? new AdaptiveOptions(), Contexts.Cpu);

    private static SamplingTask Task(NoiseProcess process, Tensor noise, Predictor predict) =>
        new() { Noise = noise, Process = process, Predict = predict, Random = null! };

    private static Predictor Noted(List<double> times) => (x, t) =>
    {
        times.Add(t);
        return (x * S(3.0)).sin();
    };
}
