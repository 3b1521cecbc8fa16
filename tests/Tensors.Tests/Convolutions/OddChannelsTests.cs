using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Convolutions;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Convolutions;

public sealed class OddChannelsTests : IDisposable
{
    private readonly IDisposable _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    // batch, from, to, stride, depth
    [Theory]
    [InlineData(2, 8, 8, 1, 9)]
    [InlineData(2, 5, 13, 2, 8)]
    [InlineData(2, 16, 24, 1, 8)]
    [InlineData(1, 24, 1, 1, 60)] // large enough for oneDNN
    public void Odd_channels_are_computed_channels_last_and_are_right(int batch, int from, int to, int stride, int depth)
    {
        var module = nn.Conv3d(from, to, 3, stride, padding: 1L);
        OddChannels.Hasten(module);
        OddChannels.Hasten(module); // twice is once
        var turned = Watch(module);
        var input = randn([batch, from, depth, 15, 9]);
        var computed = Convolved.Results(module, input);
        Assert.Equal(1, turned());
        Assert.All(computed, result => Assert.True(result.is_contiguous()));

        module.to(ScalarType.Float64);
        var right = Convolved.Results(module, input.to(ScalarType.Float64));
        Assert.Equal(1, turned()); // oneDNN has no float64
        Convolved.AssertNear(right, computed);
    }

    [Theory]
    [InlineData(2, 16, 32, 8, 3)] // whole blocks
    [InlineData(1, 8, 8, 8, 3)] // libtorch's own kernels
    [InlineData(2, 8, 8, 8, 1)]
    [InlineData(2, 4, 24, 8, 3)]
    [InlineData(2, 8, 8, 4, 3)] // too small
    public void What_is_as_fast_already_is_left_as_it_is(int batch, int from, int to, int edge, int kernel)
    {
        var module = nn.Conv3d(from, to, kernel, padding: kernel / 2);
        OddChannels.Hasten(module);
        var turned = Watch(module);
        module.call(randn([batch, from, edge, edge, edge]));
        Assert.Equal(0, turned());
    }

    [Fact]
    public void Mixed_precision_is_left_as_it_is()
    {
        var module = nn.Conv3d(8, 8, 3, padding: 1L);
        OddChannels.Hasten(module);
        var turned = Watch(module);
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            Assert.Equal(ScalarType.BFloat16, module.call(randn([2L, 8, 8, 8, 8])).dtype);
        Assert.Equal(0, turned());
    }

    // how many inputs came to the module channels-last
    private static Func<int> Watch(Conv3d module)
    {
        var turned = 0;
        module.register_forward_pre_hook((_, seen) =>
        {
            turned += seen.is_contiguous() ? 0 : 1;
            return seen;
        });
        return () => turned;
    }
}
