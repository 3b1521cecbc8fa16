using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Tests;

public sealed class AutocastTests
{
    private static ScalarType ConvolutionDtype()
    {
        using var scope = NewDisposeScope();
        return F.conv3d(ones(1, 2, 3, 3).unsqueeze(0), ones(1, 1, 1, 1).unsqueeze(0)).dtype;
    }

    [Fact]
    public void Begin_runs_convolutions_in_bfloat16_and_losses_in_float32()
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv3d(1, 2, 3);
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
        {
            var y = convolution.forward(ones(1, 4, 4, 4).unsqueeze(0));
            Assert.Equal(ScalarType.BFloat16, y.dtype);
            var loss = F.mse_loss(y, zeros_like(y));
            Assert.Equal(ScalarType.Float32, loss.dtype);
            loss.backward();
        }

        Assert.Equal(ScalarType.Float32, convolution.weight!.dtype);
        Assert.Equal(ScalarType.Float32, convolution.weight.grad!.dtype);
    }

    [Fact]
    public void Scopes_nest_and_bring_back_what_was_before()
    {
        Assert.Equal(ScalarType.Float32, ConvolutionDtype());
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
        {
            using (Autocast.Begin(CPU, ScalarType.Float16))
                Assert.Equal(ScalarType.Float16, ConvolutionDtype());
            Assert.Equal(ScalarType.BFloat16, ConvolutionDtype());
        }

        Assert.Equal(ScalarType.Float32, ConvolutionDtype());
    }

    [Fact]
    public void Other_threads_are_not_affected()
    {
        using var autocast = Autocast.Begin(CPU, ScalarType.BFloat16);
        ScalarType? other = null;
        var thread = new Thread(() => other = ConvolutionDtype());
        thread.Start();
        thread.Join();
        Assert.Equal(ScalarType.Float32, other);
    }

    [Fact]
    public void Devices_and_dtypes_without_autocast_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Autocast.Begin(CPU, ScalarType.Float64));
        Assert.Throws<ArgumentException>(() => Autocast.Begin(META, ScalarType.BFloat16));
    }
}
