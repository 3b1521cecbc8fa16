using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DDPM;
using VoxelZoo.Plugins.Samplers;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Samplers;

public sealed class DdimTests
{
    private static readonly long[] Shape = [2, 1, 4, 4, 4];

    private static Sampler Ddim(DdimOptions options) => ((ISampler<DdimOptions>)new DdimSampler()).Create(options, Contexts.Cpu);

    private static SamplingTask Task(NoiseProcess process, Tensor noise, Predictor predict, Generator? random = null) =>
        new() { Noise = noise, Process = process, Predict = predict, Random = random! };

    // without noise of its own the sampler needs no generator
    [Theory]
    [InlineData(Prediction.Epsilon, 1)]
    [InlineData(Prediction.Epsilon, 50)]
    [InlineData(Prediction.Sample, 1)]
    [InlineData(Prediction.Sample, 50)]
    [InlineData(Prediction.Velocity, 1)]
    [InlineData(Prediction.Velocity, 50)]
    public void Exact_prediction_of_one_point_ends_at_that_point(Prediction prediction, int steps)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Prediction = prediction });
        var (point, noise) = (randn(Shape), randn(Shape));
        var sample = Ddim(new DdimOptions { Steps = steps }).Sample(Task(process, noise, Exact(process, point, 0)));
        Assert.True(Reference.Difference(sample, point) < 1e-4);
    }

    // from t = 1000, where α is beneath its floor, the first step recovers little of the point and the second all of it
    [Theory]
    [InlineData(2)]
    [InlineData(50)]
    public void Exact_noise_ends_at_the_point_from_pure_noise_too(int steps)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm(new DdpmOptions { Spacing = TimestepSpacing.Trailing });
        var (point, noise) = (randn(Shape), randn(Shape));
        var sample = Ddim(new DdimOptions { Steps = steps }).Sample(Task(process, noise, Exact(process, point, 0)));
        Assert.True(Reference.Difference(sample, point) < 1e-4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(25)]
    public void Without_noise_on_rectified_flow_it_is_eulers_method(int steps)
    {
        using var scope = NewDisposeScope();
        var task = Task(Flow(), randn(Shape), (x, t) => (x * S(t / 1000)).tanh());
        var euler = ((ISampler<EulerOptions>)new EulerSampler()).Create(new EulerOptions { Steps = steps }, Contexts.Cpu);
        Assert.True(Reference.Difference(Ddim(new DdimOptions { Steps = steps }).Sample(task), euler.Sample(task)) < 1e-5);
    }

    // equations 12 and 16 of the paper, written out in ᾱ
    [Theory]
    [InlineData(0)]
    [InlineData(0.4)]
    [InlineData(1)]
    public void Step_is_that_of_the_paper(double eta)
    {
        using var scope = NewDisposeScope();
        var process = Ddpm();
        using var random = new Generator(3, CPU);
        using var same = new Generator(3, CPU);
        List<(Tensor X, double T)> calls = [];
        Ddim(new DdimOptions { Steps = 2, Eta = eta }).Sample(Task(process, randn(Shape), (x, t) =>
        {
            calls.Add((x.clone().MoveToOuterDisposeScope(), t));
            return x.sin();
        }, random));

        var (x, epsilon) = (calls[0].X, calls[0].X.sin());
        var (share, next) = (Math.Pow(process.Alpha(calls[0].T), 2), Math.Pow(process.Alpha(calls[1].T), 2));
        var fresh = eta * Math.Sqrt((1 - next) / (1 - share)) * Math.Sqrt(1 - share / next);
        var clean = (x - epsilon * S(Math.Sqrt(1 - share))) / S(Math.Sqrt(share));
        var expected = clean * S(Math.Sqrt(next)) + epsilon * S(Math.Sqrt(1 - next - fresh * fresh))
            + randn(Shape, generator: same) * S(fresh);
        Assert.True(Reference.Difference(calls[1].X, expected) < 1e-5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void Marginals_are_those_of_the_process_whatever_eta(double eta)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        manual_seed(4);
        var process = Flow(new() { Prediction = Plugins.RFlow.Prediction.Sample });
        var exact = Exact(process, ones(1) * S(2.0), 0);
        Ddim(new DdimOptions { Steps = 5, Eta = eta }).Sample(Task(process, randn([1, 1, 32, 32, 32]), (x, t) =>
        {
            Assert.Equal(2 * process.Alpha(t), x.mean().ToDouble(), 0.03);
            Assert.Equal(process.Sigma(t), x.std().ToDouble(), 0.02 * process.Sigma(t));
            return exact(x, t);
        }, random));
    }

    [Fact]
    public void Eta_of_1_is_ancestral_sampling()
    {
        using var scope = NewDisposeScope();
        using var one = new Generator(3, CPU);
        using var other = new Generator(3, CPU);
        var (process, noise) = (Ddpm(), randn(Shape));
        var ancestral = ((ISampler<AncestralOptions>)new AncestralSampler()).Create(new AncestralOptions { Steps = 10 }, Contexts.Cpu);
        var expected = ancestral.Sample(Task(process, noise, (x, _) => x.tanh(), one));
        var actual = Ddim(new DdimOptions { Steps = 10, Eta = 1 }).Sample(Task(process, noise, (x, _) => x.tanh(), other));
        Assert.True(Reference.Difference(actual, expected) < 1e-5);
    }
}
