using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests;

public sealed class ChannelsLastTests
{
    [Fact]
    public void To_keeps_values_and_shape_and_turns_the_strides()
    {
        using var scope = NewDisposeScope();
        var x = randn([2, 3, 4, 5, 6]);
        var turned = ChannelsLast.To(x);
        Assert.Equal(x.shape, turned.shape);
        Assert.Equal([360, 1, 90, 18, 3], turned.stride());
        Assert.True(turned.eq(x).all().item<bool>());
    }

    [Fact]
    public void Convolve_gives_the_modules_result_and_gradients_and_leaves_the_parameters_contiguous()
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv3d(3, 5, 3, stride: 2, padding: 1L);
        var input = randn([2, 3, 6, 7, 8]);
        var (plain, weightGradient) = Run(convolution.forward);
        var (turned, turnedGradient) = Run(x => ChannelsLast.Convolve(convolution, x));
        Assert.True((plain - turned).abs().max().item<float>() < 1e-5f);
        Assert.True((weightGradient - turnedGradient).abs().max().item<float>() < 1e-4f);
        Assert.True(convolution.weight!.is_contiguous());
        Assert.True(convolution.weight.grad!.is_contiguous());

        (Tensor, Tensor) Run(Func<Tensor, Tensor> forward)
        {
            convolution.zero_grad();
            var y = forward(input);
            y.square().sum().backward();
            return (y, convolution.weight!.grad!.clone());
        }
    }

    [Fact]
    public void Convolve_with_other_padding_is_refused()
    {
        using var convolution = nn.Conv3d(1, 1, 3, padding: 1L, padding_mode: PaddingModes.Reflect);
        using var input = ones([1, 1, 4, 4, 4]);
        Assert.Contains("Reflect", Assert.Throws<ArgumentException>(() => ChannelsLast.Convolve(convolution, input)).Message);
    }
}
