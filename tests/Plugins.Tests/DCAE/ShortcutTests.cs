using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DCAE;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DCAE;

/// <summary>What remains of the network without its convolutions: rearrangements, means and repetitions.</summary>
public sealed class ShortcutTests
{
    // two stages whose convolutions are zero
    private static Compressor Bare(int dimensions, int depth, int fine, int coarse)
    {
        var compressor = Small.Create(new()
        {
            Dimensions = dimensions,
            LatentChannels = coarse,
            EncoderBlockOutChannels = [fine, coarse],
            DecoderBlockOutChannels = [fine, coarse],
            EncoderLayersPerBlock = [0, 0],
            DecoderLayersPerBlock = [0, 0],
            DepthFactors = [depth],
        });
        compressor.Fill(0, Small.Convolutional);
        return compressor;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Channels_of_a_block_are_ordered_by_channel_then_depth_then_height_then_width(int df)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Bare(3, df, fine: 2, coarse: 8 * df);
        var volume = rand([1, 2, 2 * df, 4, 6]);
        var blocks = compressor.Layer("encoder.down_blocks.0").call(volume);
        Assert.Equal([1, 8 * df, 2, 2, 3], blocks.shape);
        for (var c = 0; c < 2; c++)
            for (var dd = 0; dd < df; dd++)
                for (var hh = 0; hh < 2; hh++)
                    for (var ww = 0; ww < 2; ww++)
                        Assert.Equal(
                            volume[0, c, df + dd, 2 + hh, 4 + ww].item<float>(),
                            blocks[0, c * (df * 4) + dd * 4 + hh * 2 + ww, 1, 1, 2].item<float>());
    }

    [Fact]
    public void Channels_of_a_slice_are_ordered_by_channel_then_height_then_width()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Bare(2, 1, fine: 2, coarse: 8);
        var slice = rand([1, 2, 4, 6]);
        var blocks = compressor.Layer("encoder.down_blocks.0").call(slice);
        for (var c = 0; c < 2; c++)
            for (var hh = 0; hh < 2; hh++)
                for (var ww = 0; ww < 2; ww++)
                    Assert.Equal(slice[0, c, 2 + hh, 4 + ww].item<float>(), blocks[0, c * 4 + hh * 2 + ww, 1, 2].item<float>());
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(3, 3)]
    public void Up_gives_back_what_down_rearranged(int dimensions, int df)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Bare(dimensions, df, fine: 2, coarse: 8 * df);
        var x = dimensions == 2 ? rand([2, 2, 8, 6]) : rand([2, 2, 2 * df, 8, 6]);
        Assert.Equal(0, Reference.Difference(Up(compressor, Down(compressor, x)), x));
    }

    [Theory]
    [InlineData(2, 1, 8, 16)]
    [InlineData(3, 1, 8, 8)]
    [InlineData(3, 2, 8, 16)]
    [InlineData(3, 2, 6, 24)]
    public void Up_after_down_keeps_a_constant_volume(int dimensions, int df, int fine, int coarse)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Bare(dimensions, df, fine, coarse);
        var constant = full([1L, fine, .. dimensions == 2 ? [] : new long[] { 2 * df }, 4L, 4], Scalars.S(0.7));
        Assert.InRange(Reference.Difference(Up(compressor, Down(compressor, constant)), constant), 0, 1e-6);
    }

    [Fact]
    public void Down_averages_consecutive_channels_and_up_repeats_them()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Bare(3, 2, fine: 4, coarse: 8); // 4·8 channels of blocks, so 4 for each of 8
        var x = rand([1, 4, 2, 2, 2]);
        var coarse = Down(compressor, x);
        // output 5 averages channels 20 to 23 of the blocks: channel 2, second slice
        Assert.Equal(x[0, 2, 1].mean().item<float>(), coarse[0, 5, 0, 0, 0].item<float>(), 1e-6f);
        // and goes back there
        Small.AssertEqual(coarse[0, 5, 0, 0, 0].expand(2, 2), Up(compressor, coarse)[0, 2, 1]);
    }

    [Fact]
    public void Latent_is_the_mean_of_consecutive_last_channels_only_with_the_encoders_shortcut()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        var options = new DCAEOptions
        {
            LatentChannels = 2,
            EncoderBlockOutChannels = [6],
            DecoderBlockOutChannels = [6],
            EncoderLayersPerBlock = [0],
            DecoderLayersPerBlock = [0],
        };
        using var with = Small.Create(options);
        using var without = Small.Create(options with { EncoderOutShortcut = false });
        foreach (var compressor in new[] { with, without })
            compressor.Fill(0, name => name.StartsWith("encoder.conv_out", StringComparison.Ordinal));
        var volume = rand([1, 1, 3, 3, 3]);
        var last = with.Layer("encoder.conv_in").call(volume);
        Small.AssertEqual(last.unflatten(1, [2, 3]).mean([2]), with.Encode(volume));
        Assert.Equal(0, without.Encode(volume).count_nonzero().item<long>());
    }

    // one stage without blocks: conv_out(SiLU(norm_out(h))), h the first channels
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void First_channels_are_the_repeated_latent_only_with_the_decoders_shortcut(bool shortcut)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(new()
        {
            LatentChannels = 2,
            EncoderBlockOutChannels = [6],
            DecoderBlockOutChannels = [6],
            EncoderLayersPerBlock = [0],
            DecoderLayersPerBlock = [0],
            DecoderInShortcut = shortcut,
        });
        var latent = randn([1, 2, 3, 3, 3]);
        var first = compressor.Layer("decoder.conv_in").call(latent);
        if (shortcut)
            first += stack([latent, latent, latent], 2).flatten(1, 2);
        var expected = compressor.Layer("decoder.conv_out").call(nn.functional.silu(compressor.Layer("decoder.norm_out").call(first)));
        Small.AssertEqual(expected, compressor.Decode(latent));
    }

    private static Tensor Down(Compressor compressor, Tensor x) => compressor.Layer("encoder.down_blocks.0").call(x);

    private static Tensor Up(Compressor compressor, Tensor x) => compressor.Layer("decoder.up_blocks.0").call(x);
}
