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
