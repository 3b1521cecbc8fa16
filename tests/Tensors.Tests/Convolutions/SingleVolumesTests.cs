using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Convolutions;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Convolutions;

public sealed class SingleVolumesTests : IDisposable
{
    private readonly IDisposable _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    // channels, stride, depth, height, width; a depth of 0 is an image
    [Theory]
    [InlineData(10, 1, 16, 16, 16)]
    [InlineData(16, 2, 9, 16, 15)]
    [InlineData(13, 1, 0, 40, 37)]
    public void Single_volumes_are_right_and_computed_by_one_dnn(int channels, int stride, int depth, int height, int width)
    {
        long[] shape = depth == 0 ? [1, channels, height, width] : [1, channels, depth, height, width];
        var module = Module(channels, stride, shape.Length);
        SingleVolumes.Hasten(module);
        SingleVolumes.Hasten(module); // twice is once
        var handed = Watch(module);

        var input = randn(shape);
        var computed = Convolved.Results(module, input);
        Assert.Equal(1, handed());

        module.to(ScalarType.Float64);
        var right = Convolved.Results(module, input.to(ScalarType.Float64));
        Assert.Equal(1, handed()); // oneDNN has no float64
        Convolved.AssertNear(right, computed);
        Assert.All(computed, result => Assert.False(SingleVolumes.IsInOneDnn(result)));
    }

    // batches have oneDNN in any case, and so have larger volumes; of the smallest, handing over costs more than it saves
    [Theory]
    [InlineData(2, 16, 16)]
    [InlineData(1, 16, 40)]
    [InlineData(1, 4, 8)]
    public void What_is_fast_already_is_left_as_it_is(int batch, int channels, int edge)
    {
        using var module = nn.Conv3d(channels, 4, 3, padding: 1L);
        SingleVolumes.Hasten(module);
        var handed = Watch(module);
        module.call(randn([batch, channels, edge, edge, edge]));
        Assert.Equal(0, handed());
    }

    // 32 channels and 16×32×32 voxels are two megabytes, which autograd would keep in both forms
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void What_training_would_keep_twice_is_handed_over_without_gradients_alone(bool trains, int expected)
    {
        using var module = nn.Conv3d(32, 4, 3, padding: 1L);
        SingleVolumes.Hasten(module);
        var handed = Watch(module);
        using var mode = set_grad_enabled(trains);
        module.call(randn([1L, 32, 16, 32, 32]));
        Assert.Equal(expected, handed());
    }

    [Fact]
    public void Mixed_precision_is_left_as_it_is()
    {
        using var module = nn.Conv3d(16, 16, 3, padding: 1L);
        SingleVolumes.Hasten(module);
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            Assert.Equal(ScalarType.BFloat16, module.call(randn([1L, 16, 8, 16, 16])).dtype);
    }

    // how many inputs came to the module in oneDNN's form
    private static Func<int> Watch(Convolution module)
    {
        var handed = 0;
        module.register_forward_pre_hook((_, seen) =>
        {
            handed += SingleVolumes.IsInOneDnn(seen) ? 1 : 0;
            return seen;
        });
        return () => handed;
    }

    private static Convolution Module(int channels, int stride, int dimensions) => dimensions == 4
        ? nn.Conv2d(channels, 12, 3, stride, padding: 1L)
        : nn.Conv3d(channels, 12, 3, stride, padding: 1L);
}
