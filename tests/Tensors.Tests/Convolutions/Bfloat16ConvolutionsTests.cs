using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Convolutions;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Convolutions;

public sealed class Bfloat16ConvolutionsTests : IDisposable
{
    private readonly IDisposable _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<int, int, int> Shapes { get; } = new MatrixTheoryData<int, int, int>([1, 16, 24], [2, 3], [1, 3]);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Gradients_of_a_guarded_module_follow_float32(int channels, int depth, int kernel)
    {
        var (input, module) = (randn([2L, channels, depth, 6, 6]), nn.Conv3d(channels, 16, kernel, padding: kernel / 2L));
        Bfloat16Convolutions.Guard(module);
        Bfloat16Convolutions.Guard(module); // twice is once
        var right = Gradients(module, input, autocast: false);
        var computed = Gradients(module, input, autocast: true);
        Assert.Equal(ScalarType.BFloat16, computed.Output);
        Assert.True(Error(computed.Weight, right.Weight) < 0.02, $"{Error(computed.Weight, right.Weight)}");
        Assert.True(Error(computed.Input, right.Input) < 0.02);
    }

    [Fact]
    public void Convolve_follows_float32_and_keeps_the_dtype()
    {
        Tensor input = randn([2L, 16, 2, 6, 6], requires_grad: true), weight = randn([16L, 16, 3, 3, 3], requires_grad: true);
        Bfloat16Convolutions.Convolve(input, weight, null, padding: [1, 1, 1]).square().sum().backward();
        var right = weight.grad!.clone();
        weight.grad!.zero_();
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
        {
            var output = Bfloat16Convolutions.Convolve(input, weight, null, padding: [1, 1, 1]);
            Assert.Equal(ScalarType.BFloat16, output.dtype);
            output.square().sum().backward();
        }

        Assert.True(Error(weight.grad!, right) < 0.02);
    }

    [Fact]
    public void Guard_that_threw_leaves_autocast_as_it_was()
    {
        var module = nn.Conv3d(16, 16, 3, padding: 1L);
        Bfloat16Convolutions.Guard(module);
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            Assert.ThrowsAny<Exception>(() => module.call(randn([2L, 5, 2, 6, 6])));
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            Assert.Equal(ScalarType.BFloat16, nn.functional.linear(randn([4L, 8]), randn([4L, 8])).dtype);
        Assert.Equal(ScalarType.Float32, module.call(randn([2L, 16, 3, 6, 6])).dtype);
    }

    private static (ScalarType Output, Tensor Input, Tensor Weight) Gradients(Conv3d module, Tensor input, bool autocast)
    {
        var x = input.clone().requires_grad_();
        module.zero_grad();
        using var half = autocast ? Autocast.Begin(CPU, ScalarType.BFloat16) : null;
        var output = module.call(x);
        output.to(ScalarType.Float32).square().sum().backward();
        return (output.dtype, x.grad!, module.weight!.grad!.clone());
    }

    private static double Error(Tensor computed, Tensor right) => ((computed - right).norm() / right.norm()).item<float>();
}
