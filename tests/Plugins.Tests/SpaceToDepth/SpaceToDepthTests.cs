using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.SpaceToDepth;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.SpaceToDepth;

public sealed class SpaceToDepthTests
{
    private static readonly ICompressor<SpaceToDepthOptions> Part = new SpaceToDepthCompressor();

    private static Compressor Create(int factor) => Part.Create(new SpaceToDepthOptions { Factor = factor }, Contexts.Cpu);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Channel_order_is_channel_then_depth_then_height_then_width(int f)
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(f);
        var volume = rand([1, 2, 2 * f, f, 3 * f]);
        var latent = compressor.Encode(volume);
        for (var c = 0; c < 2; c++)
            for (var d = 0; d < f; d++)
                for (var h = 0; h < f; h++)
                    for (var w = 0; w < f; w++)
                        Assert.Equal(
                            volume[0, c, f + d, h, 2 * f + w].item<float>(),
                            latent[0, c * f * f * f + d * f * f + h * f + w, 1, 0, 2].item<float>());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Round_trip_is_bit_exact(int factor)
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(factor);
        var volume = randn([2, 3, 12, 24, 36]);
        Assert.True(compressor.Decode(compressor.Encode(volume)).eq(volume).all().item<bool>());
    }

    [Fact]
    public void Latent_shape_of_the_original_experiment_is_eight_channels_of_half_size() =>
        Assert.Equal(new VolumeShape(8, 80, 64, 64), Part.LatentShape(new SpaceToDepthOptions(), new VolumeShape(1, 160, 128, 128)));

    [Theory]
    [InlineData(15, 16, 16, "depth 15", "pad it to 16")]
    [InlineData(16, 17, 16, "height 17", "pad it to 18")]
    [InlineData(16, 16, 1, "width 1", "pad it to 2")]
    public void Odd_size_is_refused_with_a_remedy(int depth, int height, int width, string finding, string remedy)
    {
        var refusal = Assert.Throws<PlanException>(
            () => Part.LatentShape(new SpaceToDepthOptions(), new VolumeShape(1, depth, height, width)));
        Assert.Contains(finding, refusal.Message);
        Assert.Contains(remedy, refusal.Message);
    }

    [Fact]
    public void Tensors_that_do_not_divide_are_refused()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(2);
        Assert.Throws<ArgumentException>(() => compressor.Encode(rand([1, 1, 3, 4, 4])));
        Assert.Throws<ArgumentException>(() => compressor.Decode(rand([1, 12, 4, 4, 4])));
    }
}
