using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Engine.Compression;

namespace VoxelZoo.Engine.Tests.Compression;

[Collection(Alone.Name)]
public sealed class PatchDiscriminatorTests
{
    [Theory]
    [InlineData(64, 3, 11_048_769)] // MONAI 1.5, spatial_dims 3
    [InlineData(32, 3, 2_771_873)]
    public void Parameters_are_those_of_monai(int channels, int layers, long count)
    {
        using var network = PatchDiscriminator.Create(
            new DiscriminatorOptions { Channels = channels, Layers = layers }, new Device(DeviceType.META));

        Assert.Equal(count, network.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void Keys_are_those_of_monai()
    {
        using var network = PatchDiscriminator.Create(new DiscriminatorOptions { Channels = 2, Layers = 2 }, CPU);

        Assert.Equal(
            [
                "0.adn.N.bias", "0.adn.N.num_batches_tracked", "0.adn.N.running_mean", "0.adn.N.running_var",
                "0.adn.N.weight", "0.conv.weight",
                "1.adn.N.bias", "1.adn.N.num_batches_tracked", "1.adn.N.running_mean", "1.adn.N.running_var",
                "1.adn.N.weight", "1.conv.weight",
                "final_conv.conv.bias", "final_conv.conv.weight", "initial_conv.conv.bias", "initial_conv.conv.weight",
            ],
            network.state_dict().Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(1, 6)]
    [InlineData(2, 12)]
    [InlineData(3, 24)]
    public void Smallest_size_leaves_one_patch_of_the_last_map(int layers, int size)
    {
        var options = new DiscriminatorOptions { Channels = 2, Layers = layers };
        using var scope = NewDisposeScope();
        using var network = PatchDiscriminator.Create(options, CPU);
        network.eval();

        Assert.Equal(size, PatchDiscriminator.SmallestSize(options));
        Assert.Equal([1, 1, 1, 1, 2], network.call(zeros([1, 1, size, size + (1 << layers) - 1, size + (1 << layers)])).shape);
        Assert.ThrowsAny<Exception>(() => network.call(zeros([1, 1, size - 1, size, size])));
    }

    [Fact]
    public void Weights_start_as_monais()
    {
        random.manual_seed(1);
        using var network = PatchDiscriminator.Create(new DiscriminatorOptions { Channels = 32, Layers = 2 }, CPU);
        var weights = network.state_dict();

        var (convolution, norm) = (weights["1.conv.weight"], weights["1.adn.N.weight"]);
        Assert.Equal((0, 0.02), (Math.Round(convolution.mean().item<float>(), 3), Math.Round(convolution.std().item<float>(), 3)));
        Assert.Equal(1, norm.mean().item<float>(), 0.01);
        Assert.InRange(norm.std().item<float>(), 0.01, 0.03);
    }

    [Theory]
    [InlineData(true, 2.5)] // (1² + 2²) / 2, from 1
    [InlineData(false, 4.5)] // (0² + 3²) / 2, from 0
    public void Loss_is_least_squares(bool real, double expected)
    {
        using var scope = NewDisposeScope();

        Assert.Equal(expected, PatchDiscriminator.Loss(tensor(new float[] { 0, 3 }), real).item<float>());
    }
}
