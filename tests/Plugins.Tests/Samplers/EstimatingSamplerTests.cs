using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DDPM;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

/// <summary>What <c>ddim</c> and <c>ddpm</c> share.</summary>
public sealed class EstimatingSamplerTests
{
    private static readonly long[] Shape = [2, 1, 4, 4, 4];

    private static Sampler Sampler(string id, int steps, bool clip = false) => id == "ddim"
        ? ((ISampler<DdimOptions>)new DdimSampler()).Create(new DdimOptions { Steps = steps, Eta = 0.5, Clip = clip }, Contexts.Cpu)
        : ((ISampler<AncestralOptions>)new AncestralSampler()).Create(new AncestralOptions { Steps = steps, Clip = clip }, Contexts.Cpu);

    private static SamplingTask Task(Generator random, Predictor? predict = null) =>
        new() { Noise = randn(Shape), Process = Ddpm(), Predict = predict ?? ((x, _) => x.tanh()), Random = random };

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Clipped_estimate_and_the_noise_that_fits_it_make_the_next_sample(string id)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        using var same = new Generator(3, CPU);
        List<(Tensor X, double T)> calls = [];
        var process = Ddpm();
        var clipped = 0;
        Sampler(id, 2, clip: true).Sample(Task(random, (x, t) =>
        {
            calls.Add((x.clone().MoveToOuterDisposeScope(), t));
            return x.tanh();
        }) with
        {
            ClipClean = clean =>
            {
                clipped++;
                return clean.clamp(S(0.0), S(1.0));
            },
        });

        Assert.Equal(2, clipped);
        var (x, t, next) = (calls[0].X, calls[0].T, calls[1].T);
        var clean = process.Clean(x, x.tanh(), tensor([(float)t])).clamp(S(0.0), S(1.0));
        var noise = (x - clean * S(process.Alpha(t))) / S(process.Sigma(t));
        var kept = process.Alpha(t) / process.Alpha(next);
        var variance = Math.Pow(process.Sigma(next) / process.Sigma(t), 2) * (1 - kept * kept);
        variance *= id == "ddim" ? 0.25 : 1;
        var expected = clean * S(process.Alpha(next)) + noise * S(Math.Sqrt(Math.Pow(process.Sigma(next), 2) - variance))
            + randn(Shape, generator: same) * S(Math.Sqrt(variance));
        Assert.True(Reference.Difference(calls[1].X, expected) < 1e-5);
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Clipped_samples_are_within_the_volume_and_others_are_not(string id)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var task = Task(random) with { ClipClean = clean => clean.clamp(S(0.0), S(1.0)) };
        var clipped = Sampler(id, 10, clip: true).Sample(task);
        Assert.True(clipped.min().ToDouble() >= 0 && clipped.max().ToDouble() <= 1);
        var free = Sampler(id, 10).Sample(task);
        Assert.True(free.min().ToDouble() < 0 || free.max().ToDouble() > 1);
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Clipping_where_nothing_can_be_clipped_is_refused(string id)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var refusal = Assert.Throws<PlanException>(() => Sampler(id, 2, clip: true).Sample(Task(random)));
        Assert.Equal("clip", refusal.Key);
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Network_is_called_once_a_step_at_the_times_of_the_grid(string id)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        List<double> times = [];
        List<SamplerStep> progress = [];
        var task = Task(random, (x, t) =>
        {
            times.Add(t);
            return x.tanh();
        });
        Sampler(id, 4).Sample(task with { Progress = progress.Add });
        Assert.Equal([751, 501, 251, 1], times);
        Assert.Equal([new(1, 4, 501), new(2, 4, 251), new(3, 4, 1), new(4, 4, 0)], progress);
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Cancellation_stops_before_the_next_step(string id)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        using var source = new CancellationTokenSource();
        var calls = 0;
        var task = Task(random, (x, _) =>
        {
            if (++calls == 2)
                source.Cancel();
            return x.tanh();
        });
        Assert.Throws<OperationCanceledException>(() => Sampler(id, 10).Sample(task with { Cancellation = source.Token }));
        Assert.Equal(2, calls);
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Same_stream_gives_the_same_sample_whatever_the_global_generator(string id)
    {
        using var scope = NewDisposeScope();
        using var one = new Generator(3, CPU);
        using var other = new Generator(3, CPU);
        var task = Task(one);
        var first = Sampler(id, 5).Sample(task);
        manual_seed(99);
        Assert.Equal(0, Reference.Difference(Sampler(id, 5).Sample(task with { Random = other }), first));
        Assert.NotEqual(0, Reference.Difference(Sampler(id, 5).Sample(task), first)); // the stream has gone on
    }

    // meta tensors stand for those of another device: their generator could not have drawn anything
    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Random_numbers_are_drawn_on_the_cpu_whatever_the_device(string id)
    {
        using var scope = NewDisposeScope();
        using var here = new Generator(3, CPU);
        using var elsewhere = new Generator(3, CPU);
        var task = Task(here);
        Sampler(id, 5).Sample(task);
        var sample = Sampler(id, 5).Sample(task with { Noise = zeros(Shape, device: META), Random = elsewhere });
        Assert.Equal(DeviceType.META, sample.device_type);
        Assert.Equal(randn(8, generator: here).data<float>().ToArray(), randn(8, generator: elsewhere).data<float>().ToArray());
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    public void Live_tensors_do_not_grow_with_the_steps(string id)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        LiveTensors.Settled();
        List<long> live = [];
        Sampler(id, 20).Sample(Task(random) with { Progress = _ => live.Add(Tensor.TotalCount) });
        Assert.True(live[^1] <= live[0]);
    }
}
