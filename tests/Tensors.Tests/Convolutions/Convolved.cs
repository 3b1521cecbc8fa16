using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Convolutions;

/// <summary>What a convolution computes, forward and backward.</summary>
internal static class Convolved
{
    /// <summary>Output and the gradients of input, weights and bias, in float64.</summary>
    public static Tensor[] Results(Convolution module, Tensor input)
    {
        module.zero_grad();
        var x = input.detach().requires_grad_();
        var output = ((nn.Module<Tensor, Tensor>)module).call(x);
        (output * output * output).sum().backward(); // the gradient depends on the output
        Tensor[] results = [output.detach(), x.grad!, module.weight.grad!, module.bias!.grad!];
        return [.. results.Select(result => result.to(ScalarType.Float64).clone())];
    }

    /// <summary>Asserts that results differ by rounding alone.</summary>
    public static void AssertNear(Tensor[] right, Tensor[] computed) => Assert.All(computed.Zip(right), pair =>
        Assert.True(((pair.First - pair.Second).abs().max() / pair.Second.abs().max()).item<double>() < 1e-5));
}
