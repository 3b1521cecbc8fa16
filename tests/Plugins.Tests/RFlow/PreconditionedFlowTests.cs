using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.RFlow;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.RFlow;

public sealed class PreconditionedFlowTests
{
    private const double Sigma = 0.2;

    private static NoiseProcess Process(RFlowOptions options) =>
        ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(
            options, new DiffusionShape(new VolumeShape(1, 8, 8, 8), new VolumeShape(1, 8, 8, 8), 0), Contexts.Cpu);

    private static readonly NoiseProcess Flow = Process(new RFlowOptions { SigmaData = Sigma });

    [Fact]
    public void Perfect_prediction_gives_back_data_noise_and_derivative()
    {
        using var scope = NewDisposeScope();
        var (clean, noise) = (randn([3, 2, 4, 4, 4]) * S(Sigma), randn([3, 2, 4, 4, 4]));
        var timesteps = tensor([30f, 500f, 970f]);
        var noisy = Flow.AddNoise(clean, noise, timesteps);
        var target = Flow.Target(clean, noise, timesteps);

        Assert.True(Reference.Difference(Flow.Clean(noisy, target, timesteps), clean) < 1e-4);
        Assert.True(Reference.Difference(Flow.Noise(noisy, target, timesteps), noise) < 1e-4);
        Assert.True(Reference.Difference(Flow.Derivative(noisy, target, timesteps), noise - clean) < 1e-4);
    }

    [Theory]
    [InlineData(20f)]
    [InlineData(200f)]
    [InlineData(500f)]
    [InlineData(900f)]
    public void Input_and_target_have_unit_variance_and_are_uncorrelated_for_data_of_that_sigma(float timestep)
    {
        using var scope = NewDisposeScope();
        torch.random.manual_seed(5);
        var (clean, noise) = (randn([1, 1, 64, 64, 64]) * S(Sigma), randn([1, 1, 64, 64, 64]));
        var t = tensor([timestep]);
        var input = Flow.NetworkInput(Flow.AddNoise(clean, noise, t), t);
        var target = Flow.Target(clean, noise, t);

        // 262,144 draws: four standard deviations of these means are 0.011 at most
        Assert.Equal(1, input.square().mean().item<float>(), 0.012f);
        Assert.Equal(1, target.square().mean().item<float>(), 0.012f);
        Assert.Equal(0, (input * target).mean().item<float>(), 0.012f);
    }

    [Theory]
    [InlineData(0.02)]
    [InlineData(0.2)]
    [InlineData(1)]
    [InlineData(5)]
    public void Evaluation_looks_where_noise_is_to_data_as_one_to_three_one_to_one_and_three_to_one(double sigma)
    {
        var flow = Process(new RFlowOptions { SigmaData = sigma });

        double[] ratios = [.. flow.InformativeTimesteps.Select(t => flow.Sigma(t) / (flow.Alpha(t) * sigma))];

        Assert.All(ratios.Zip([1 / 3.0, 1, 3]), pair => Assert.Equal(pair.Second, pair.First, 1e-9));
        Assert.Equal([250.0, 500, 750], Process(new RFlowOptions()).InformativeTimesteps);
    }

    [Fact]
    public void Without_sigma_the_network_sees_the_noisy_sample_itself()
    {
        using var scope = NewDisposeScope();
        var noisy = randn([1, 1, 4, 4, 4]);
        Assert.Equal(0, Reference.Difference(Process(new RFlowOptions()).NetworkInput(noisy, tensor([300f])), noisy));
    }

    [Theory]
    [InlineData(Prediction.Sample)]
    [InlineData(Prediction.Noise)]
    public void Other_predictions_are_refused(Prediction prediction)
    {
        var refusal = Assert.Throws<PlanException>(() => Process(new RFlowOptions { SigmaData = Sigma, Prediction = prediction }));
        Assert.Equal("sigma_data", refusal.Key);
    }
}
