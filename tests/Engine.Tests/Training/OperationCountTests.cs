using TorchSharp;
using VoxelZoo.Engine.Training;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>Two operations for each product: closed forms.</summary>
public sealed class OperationCountTests
{
    [Fact]
    public void Convolution_takes_kernel_times_channels_for_each_output() =>
        Assert.Equal(2 * (27 * 2) * (3 * 4 * 4 * 4), Of(nn.Conv3d(2, 3, 3, padding: 1L), [1, 2, 4, 4, 4]));

    [Fact]
    public void Grouped_convolution_takes_its_groups_channels_alone() =>
        Assert.Equal(2 * 27 * (4 * 2 * 2 * 2), Of(nn.Conv3d(4, 4, 3, padding: 1L, groups: 4), [1, 4, 2, 2, 2]));

    [Fact]
    public void Transposed_convolution_takes_kernel_times_channels_for_each_input() =>
        Assert.Equal(2 * (8 * 3) * (2 * 4 * 4 * 4), Of(nn.ConvTranspose3d(2, 3, 2, stride: 2L), [1, 2, 4, 4, 4]));

    [Fact]
    public void Linear_layer_takes_its_inputs_for_each_output() =>
        Assert.Equal(2 * 5 * (7 * 6), Of(nn.Linear(5, 7), [2, 3, 5]));

    [Fact]
    public void Layers_of_layers_are_counted_once_and_passes_without_gradients_not_at_all()
    {
        using var network = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 1));
        using var count = new OperationCount([network, network]);
        using var scope = NewDisposeScope();

        using (no_grad())
            network.call(ones(1, 4));
        Assert.Equal(0, count.Operations);
        network.call(ones(1, 4));
        Assert.Equal(2 * (16 + 4), count.Operations);
        count.Dispose();
        network.call(ones(1, 4));
        Assert.Equal(2 * (16 + 4), count.Operations);
    }

    private static long Of(nn.Module<Tensor, Tensor> layer, long[] input)
    {
        using var scope = NewDisposeScope();
        using var count = new OperationCount([layer]);
        layer.call(ones(input)); // forward alone calls no hooks
        layer.Dispose();
        return count.Operations;
    }
}
