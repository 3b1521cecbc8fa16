using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DCAE;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DCAE;

public sealed class OptionsTests
{
    // an option, and two sets that differ in nothing else
    private static readonly (string Option, DCAEOptions Before, DCAEOptions After)[] Changes =
    [
        (
            nameof(DCAEOptions.Dimensions),
            Small.Volumes with { DepthFactors = [1, 1] },
            Small.Volumes with { DepthFactors = [1, 1], Dimensions = 2 }),
        (nameof(DCAEOptions.InChannels), Small.Volumes, Small.Volumes with { InChannels = 2 }),
        (nameof(DCAEOptions.LatentChannels), Small.Volumes, Small.Volumes with { LatentChannels = 4 }),
        (nameof(DCAEOptions.EncoderBlockOutChannels), Small.Volumes, Small.Volumes with { EncoderBlockOutChannels = [8, 8, 32] }),
        (nameof(DCAEOptions.DecoderBlockOutChannels), Small.Volumes, Small.Volumes with { DecoderBlockOutChannels = [8, 8, 32] }),
        (nameof(DCAEOptions.EncoderLayersPerBlock), Small.Volumes, Small.Volumes with { EncoderLayersPerBlock = [1, 2, 1] }),
        (nameof(DCAEOptions.DecoderLayersPerBlock), Small.Volumes, Small.Volumes with { DecoderLayersPerBlock = [1, 2, 1] }),
        (nameof(DCAEOptions.DepthFactors), Small.Volumes, Small.Volumes with { DepthFactors = [1, 2] }),
        (nameof(DCAEOptions.EncoderOutShortcut), Small.Volumes, Small.Volumes with { EncoderOutShortcut = false }),
        (nameof(DCAEOptions.DecoderInShortcut), Small.Volumes, Small.Volumes with { DecoderInShortcut = false }),
        (nameof(DCAEOptions.ScalingFactor), Small.Volumes, Small.Volumes with { ScalingFactor = 2 }),
        (nameof(DCAEOptions.SlicesAtOnce), Small.Slices, Small.Slices with { SlicesAtOnce = 1 }),
        (nameof(DCAEOptions.StructuredMinChannels), Small.Slices, Small.Slices with { StructuredMinChannels = 4 }),
        (
            nameof(DCAEOptions.StructuredChannelStep),
            Small.Slices with { StructuredMinChannels = 2 },
            Small.Slices with { StructuredMinChannels = 2, StructuredChannelStep = 1 }),
    ];

    public static TheoryData<string> Names =>
        [.. typeof(DCAEOptions).GetProperties().Where(property => property.SetMethod is not null).Select(property => property.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Option_changes_what_is_computed(string option)
    {
        var (_, before, after) = Changes.Single(change => change.Option == option);
        Assert.NotEqual(Observed(before), Observed(after));
    }

    // the latent, the reconstruction, the prefixes and the calls of the network, as far as the options show in them
    private static string Observed(DCAEOptions options)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(options);
        var calls = compressor.CountCalls("encoder.conv_in");
        manual_seed(2);
        var latent = compressor.Encode(rand([1, options.InChannels, 4, 8, 8]));
        var reconstruction = compressor.Decode(latent);
        return string.Join(
            "; ",
            $"[{string.Join(", ", latent.shape)}]",
            Norm(latent),
            Norm(reconstruction),
            string.Join(", ", compressor.LatentPrefixes),
            calls());

        static string Norm(Tensor x) => x.norm().item<float>().ToString("g4", null);
    }

    // each is the default's contradiction of one option
    public static TheoryData<string, string, DCAEOptions> Contradictions => new()
    {
        { "in_channels", "in_channels is 2 but the volume has 1", new() { InChannels = 2 } },
        { "encoder_block_out_channels", "no stage", new() { EncoderBlockOutChannels = [] } },
        { "encoder_block_out_channels", "holds 0", new() { EncoderBlockOutChannels = [64, 0, 256, 256, 512, 512] } },
        {
            "encoder_block_out_channels",
            "100 channels of the encoder's stage 1 are not 8, the voxels that become one, "
            + "times a divisor of the 64 channels of the stage before; the nearest that are is 128",
            new() { EncoderBlockOutChannels = [64, 100, 256, 256, 512, 512] }
        },
        {
            "encoder_block_out_channels",
            "192 channels of the encoder's stage 1 are not 8",
            new() { EncoderBlockOutChannels = [64, 192, 256, 256, 512, 512] }
        },
        { "decoder_block_out_channels", "5 values for the 6 stages", new() { DecoderBlockOutChannels = [64, 128, 256, 256, 512] } },
        {
            "decoder_block_out_channels",
            "192 channels of the decoder's stage 1 do not repeat into 64 channels of 8",
            new() { DecoderBlockOutChannels = [64, 192, 256, 256, 512, 512] }
        },
        { "encoder_layers_per_block", "1 values for the 6 stages", new() { EncoderLayersPerBlock = [2] } },
        { "decoder_layers_per_block", "holds -1", new() { DecoderLayersPerBlock = [2, 2, 2, 2, 2, -1] } },
        { "depth_factors", "6 values for the 6 stages of encoder_block_out_channels; give 5", new() { DepthFactors = [2, 2, 1, 1, 1, 1] } },
        { "depth_factors", "holds 0", new() { DepthFactors = [2, 2, 1, 1, 0] } },
        { "depth_factors", "dimensions: 2 encodes each slice by itself", new() { Dimensions = 2, DepthFactors = [2, 2, 1, 1, 1] } },
        { "slices_at_once", "dimensions: 3 encodes volumes as a whole", new() { SlicesAtOnce = 4 } },
        { "latent_channels", "do not average into 24 latent channels", new() { LatentChannels = 24 } },
        { "latent_channels", "24 latent channels do not repeat", new() { LatentChannels = 24, EncoderOutShortcut = false } },
        { "structured_min_channels", "structured_min_channels is 32, but the latent has 32", new() { StructuredMinChannels = 32 } },
        { "structured_channel_step", "the latent is not structured", new() { StructuredChannelStep = 4 } },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Contradiction_names_the_option_and_the_numbers(string key, string finding, DCAEOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Small.Part.LatentShape(options, new VolumeShape(1, 32, 64, 64)));
        Assert.Equal(key, refusal.Key);
        Assert.Contains(finding, refusal.Message);
        if (key != "in_channels")
            Assert.Throws<PlanException>(() => Small.Part.Create(options, Contexts.Meta));
    }

    [Fact]
    public void Latent_of_any_number_of_channels_goes_without_shortcuts() =>
        Assert.Equal(
            24,
            Small.Part.LatentShape(
                new() { LatentChannels = 24, EncoderOutShortcut = false, DecoderInShortcut = false }, new(1, 4, 32, 32)).Channels);

    [Theory]
    [InlineData(
        "dcae3d", 150, 256, 256, "depth_factors", "depth 150 of the 1×150×256×256 volume does not divide by 4",
        "nearest depth that does is 152")]
    [InlineData(
        "dcae3d", 160, 240, 256, "encoder_block_out_channels", "height 240",
        "does not divide by 32, as 6 stages need; the nearest height that does is 256")]
    [InlineData(
        "f64", 160, 256, 300, "encoder_block_out_channels", "width 300",
        "does not divide by 64, as 7 stages need; the nearest width that does is 320")]
    [InlineData("f128", 1, 8, 256, "encoder_block_out_channels", "height 8", "nearest height that does is 128")]
    public void Size_that_does_not_divide_is_refused_with_the_nearest_that_does(
        string preset,
        int depth,
        int height,
        int width,
        string key,
        string finding,
        string remedy)
    {
        var refusal = Assert.Throws<PlanException>(
            () => Small.Part.LatentShape(DCAEOptions.Presets[preset], new VolumeShape(1, depth, height, width)));
        Assert.Equal(key, refusal.Key);
        Assert.Contains(finding, refusal.Message);
        Assert.Contains(remedy, refusal.Message);
    }

    [Fact]
    public void Slices_of_any_number_are_taken() =>
        Assert.Equal(new VolumeShape(32, 7, 1, 2), Small.Part.LatentShape(DCAEOptions.Presets["f32"], new VolumeShape(1, 7, 32, 64)));

    [Fact]
    public void Volume_that_does_not_divide_is_refused_by_encoding()
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Create(Small.Volumes);
        Assert.Throws<PlanException>(() => compressor.Encode(rand([1, 1, 3, 4, 4])));
    }
}
