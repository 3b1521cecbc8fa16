using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.RFlow;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class EulerTests
{
    private static readonly VolumeShape Cube = new(1, 4, 4, 4);

    private static readonly NoiseProcess Flow =
        ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(new RFlowOptions(), new DiffusionShape(Cube, Cube, 0), Contexts.Cpu);

    private static Sampler Euler(int steps) =>
        ((ISampler<EulerOptions>)new EulerSampler()).Create(new EulerOptions { Steps = steps }, Contexts.Cpu);

    // the exact velocity of a data set that is the one point x0: v = (x0 − x)/τ
    private static Predictor Oracle(Tensor point) => (x, t) => (point - x) / S(t / 1000);

    private static SamplingTask Task(Tensor noise, Predictor predict) =>
        new() { Noise = noise, Process = Flow, Predict = predict, Random = null! };

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(25)]
    public void Exact_field_of_one_point_ends_at_that_point_for_any_number_of_steps(int steps)
    {
        using var scope = NewDisposeScope();
        var (point, noise) = (Equations.Drawn([2, 1, 4, 4, 4], 1), Equations.Drawn([2, 1, 4, 4, 4], 2));
        var sample = Euler(steps).Sample(Task(noise, Oracle(point)));
        Assert.True(Reference.Difference(sample, point) < 1e-5);
    }

    // at pure noise ε says nothing of the data: the first step stands still and the others make up for it
    [Theory]
    [InlineData(2)]
    [InlineData(25)]
    public void Exact_noise_of_one_point_ends_at_that_point_from_two_steps_on(int steps)
    {
        using var scope = NewDisposeScope();
        var (point, noise) = (Equations.Drawn([2, 1, 4, 4, 4], 3), Equations.Drawn([2, 1, 4, 4, 4], 4));
        var process = ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(
            new RFlowOptions { Prediction = Prediction.Noise }, new DiffusionShape(Cube, Cube, 0), Contexts.Cpu);
        var task = Task(noise, (x, t) => (x - point * S(1 - t / 1000)) / S(t / 1000)) with { Process = process };
        Assert.True(Reference.Difference(Euler(steps).Sample(task), point) < 1e-4);
    }

    [Fact]
    public void Network_is_called_once_a_step_at_the_times_of_the_grid()
    {
        using var scope = NewDisposeScope();
        List<double> times = [];
        List<SamplerStep> progress = [];
        var task = Task(Equations.Drawn([1, 1, 4, 4, 4], 5), (x, t) =>
        {
            times.Add(t);
            return zeros_like(x);
        });

        Euler(4).Sample(task with { Progress = progress.Add });

        Assert.Equal([1000, 750, 500, 250], times);
        Assert.Equal([new(1, 4, 750), new(2, 4, 500), new(3, 4, 250), new(4, 4, 0)], progress);
    }

    [Fact]
    public void Noise_of_the_caller_is_left_as_it_is()
    {
        using var scope = NewDisposeScope();
        var noise = Equations.Drawn([1, 1, 4, 4, 4], 6);
        var before = noise.clone();
        Euler(3).Sample(Task(noise, (x, _) => ones_like(x)));
        Assert.Equal(0, Reference.Difference(noise, before));
    }

    [Fact]
    public void Cancellation_stops_before_the_next_step()
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        var calls = 0;
        var task = Task(Equations.Drawn([1, 1, 4, 4, 4], 7), (x, _) =>
        {
            if (++calls == 2)
                source.Cancel();
            return zeros_like(x);
        });
        Assert.Throws<OperationCanceledException>(() => Euler(10).Sample(task with { Cancellation = source.Token }));
        Assert.Equal(2, calls);
    }

    [Fact]
    public void Live_tensors_do_not_grow_with_the_steps()
    {
        using var scope = NewDisposeScope();
        LiveTensors.Settled();
        List<long> live = [];
        var task = Task(Equations.Drawn([1, 1, 4, 4, 4], 8), (x, _) => x * S(0.5));
        Euler(20).Sample(task with { Progress = _ => live.Add(Tensor.TotalCount) });
        Assert.Equal(live[0], live[^1]);
    }
}
