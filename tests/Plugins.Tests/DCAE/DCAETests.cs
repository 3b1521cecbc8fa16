using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance;
using VoxelZoo.Plugins.DCAE;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DCAE;

public sealed class DCAETests
{
    [Fact]
    public void Round_trip_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Part.Create(Small.Volumes, Contexts.Cpu);
        Reference.LoadWeights(compressor, "dcae3d-tiny.weights.safetensors");
        using var io = Reference.Tensors("dcae3d-tiny.io.safetensors");

        var result = compressor.Roundtrip(io["input"]);

        Assert.InRange(Reference.Difference(result["latent"], io["latent"]), 0, 1e-5);
        Assert.InRange(Reference.Difference(result["reconstruction"], io["reconstruction"]), 0, 1e-5);
    }

    [Fact]
    public void Default_has_the_exact_numbers_of_parameters_of_the_original_network()
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Part.Create(new DCAEOptions(), Contexts.Meta);
        Assert.Equal(76_680_464, Count("encoder."));
        Assert.Equal(131_844_033, Count("decoder."));
        Assert.Equal(208_524_497, Count(""));

        long Count(string prefix) =>
            compressor.named_parameters()
                .Where(entry => entry.name.StartsWith(prefix, StringComparison.Ordinal)).Sum(entry => entry.parameter.numel());
    }

    [Theory]
    [InlineData("dcae3d", 208_524_497)]
    [InlineData("f32", 362_889_313)]
    [InlineData("f64", 518_035_905)]
    [InlineData("f128", 678_491_201)]
    [InlineData("f32_1_5", 362_889_313)]
    [InlineData("f64_1_5", 518_035_905)]
    [InlineData("f128_1_5", 678_491_201)]
    public void Preset_has_the_number_of_parameters_of_the_closed_form(string preset, long documented)
    {
        using var scope = NewDisposeScope();
        var options = DCAEOptions.Presets[preset];
        using var compressor = Small.Part.Create(options, Contexts.Meta);
        Assert.Equal(documented, compressor.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(documented, ClosedForm(options));
    }

    // convolutions of kernel k: k·in·out weights and out biases; a residual block of width w: 2kw² + w weights and 2w of its norm
    private static long ClosedForm(DCAEOptions options)
    {
        var (e, d) = (options.EncoderBlockOutChannels, options.DecoderBlockOutChannels);
        var kernel = options.Dimensions == 2 ? 9L : 27;
        var count = Conv(options.InChannels, e[0]) + Conv(e[^1], options.LatentChannels)
            + Conv(options.LatentChannels, d[^1]) + 2 * d[0] + Conv(d[0], options.InChannels);
        for (var stage = 0; stage < e.Count; stage++)
            count += options.EncoderLayersPerBlock[stage] * Residual(e[stage]) + options.DecoderLayersPerBlock[stage] * Residual(d[stage]);
        for (var step = 0; step < e.Count - 1; step++)
        {
            var block = options.Dimensions == 3 && step < 2 ? 8 : 4;
            count += Conv(e[step], e[step + 1] / block) + Conv(d[step + 1], d[step] * block);
        }

        return count;

        long Conv(long from, long to) => kernel * from * to + to;
        long Residual(long width) => 2 * kernel * width * width + width + 2 * width;
    }

    [Theory]
    [InlineData("dcae3d", 32, 40, 8)]
    [InlineData("f32", 32, 160, 8)]
    [InlineData("f64", 128, 160, 4)]
    [InlineData("f128", 512, 160, 2)]
    [InlineData("f32_1_5", 32, 160, 8)]
    [InlineData("f64_1_5", 128, 160, 4)]
    [InlineData("f128_1_5", 512, 160, 2)]
    public void Preset_has_the_latent_that_its_name_promises(string preset, int channels, int depth, int size) =>
        Assert.Equal(
            new VolumeShape(channels, depth, size, size),
            Small.Part.LatentShape(DCAEOptions.Presets[preset], new VolumeShape(1, 160, 256, 256)));

    public static TheoryData<DCAEOptions, VolumeShape> Instances => new()
    {
        { Small.Slices, new(1, 3, 16, 24) },
        {
            Small.Slices with
            {
                EncoderBlockOutChannels = [8, 16, 16, 32],
                DecoderBlockOutChannels = [4, 8, 16, 32],
                EncoderLayersPerBlock = [1, 0, 1, 1],
                DecoderLayersPerBlock = [2, 1, 0, 1],
            },
            new(1, 5, 24, 16)
        },
        { Small.Volumes, new(1, 8, 16, 24) },
        { Small.Volumes with { DepthFactors = null }, new(1, 8, 16, 24) },
        {
            Small.Volumes with
            {
                InChannels = 2,
                DepthFactors = [1, 3],
                EncoderBlockOutChannels = [8, 16, 24],
                DecoderBlockOutChannels = [8, 16, 24],
                LatentChannels = 12,
            },
            new(2, 6, 8, 12)
        },
        {
            Small.Volumes with
            {
                EncoderBlockOutChannels = [8],
                DecoderBlockOutChannels = [16],
                EncoderLayersPerBlock = [1],
                DecoderLayersPerBlock = [0],
                DepthFactors = [],
            },
            new(1, 3, 5, 7)
        },
    };

    [Theory]
    [MemberData(nameof(Instances), DisableDiscoveryEnumeration = true)]
    public void Encoding_gives_the_latent_shape_and_decoding_the_volumes(DCAEOptions options, VolumeShape volume)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Small.Create(options);
        var latent = compressor.Encode(rand(volume.Batch(2)));
        Assert.Equal(Small.Part.LatentShape(options, volume).Batch(2), latent.shape);
        Assert.Equal(volume.Batch(2), compressor.Decode(latent).shape);
    }

    [Fact]
    public void Scaling_factor_multiplies_the_latent_and_divides_it_before_decoding()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var plain = Small.Create(Small.Volumes);
        using var scaled = Small.Create(Small.Volumes with { ScalingFactor = 0.25 });
        var volume = rand([1, 1, 8, 16, 16]);
        var latent = plain.Encode(volume);
        Small.AssertEqual(latent * Scalars.S(0.25), scaled.Encode(volume));
        Small.AssertEqual(plain.Decode(latent), scaled.Decode(latent * Scalars.S(0.25)));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Mixed_precision_trains_and_agrees_with_float32_to_its_digits(int dimensions)
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Create((dimensions == 2 ? Small.Slices : Small.Volumes) with { StructuredMinChannels = 4 });
        var volume = rand([1, 1, 4, 16, 16]);
        Tensor Reconstruct()
        {
            using var random = new Generator(1, CPU);
            return compressor.TrainingPass(volume, random).Reconstruction;
        }

        var exact = Reconstruct();
        Tensor mixed;
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            mixed = Reconstruct();
        Assert.InRange(Reference.Difference(mixed.to_type(ScalarType.Float32), exact), 1e-6, 0.1);
        mixed.to_type(ScalarType.Float32).square().sum().backward();
        Assert.All(compressor.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.grad!.dtype));
    }

    [Fact]
    public void Head_is_the_decoders_finest_stage_and_what_follows_it()
    {
        using var scope = NewDisposeScope();
        using var compressor = Small.Create(Small.Volumes);
        var head = compressor.Head.Select(
            parameter => compressor.named_parameters().Single(entry => ReferenceEquals(entry.parameter, parameter)).name);
        string[] expected =
        [
            "decoder.conv_out.bias", "decoder.conv_out.weight", "decoder.norm_out.bias", "decoder.norm_out.weight",
            "decoder.stages.2.0.conv1.bias", "decoder.stages.2.0.conv1.weight", "decoder.stages.2.0.conv2.weight",
            "decoder.stages.2.0.norm.bias", "decoder.stages.2.0.norm.weight",
        ];
        Assert.Equal(expected, head.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Without_gradient_the_live_activations_do_not_grow_with_the_network(int dimensions)
    {
        using var gradient = no_grad();
        Assert.Equal(LiveAtTheEnd(1), LiveAtTheEnd(5));

        long LiveAtTheEnd(int layers)
        {
            using var scope = NewDisposeScope();
            using var compressor = Small.Create(
                (dimensions == 2 ? Small.Slices : Small.Volumes) with { DecoderLayersPerBlock = [layers, layers, layers] });
            var latent = rand([1, 8, 2, 2, 2]);
            var (before, at) = (LiveTensors.Settled(), 0L);
            compressor.Layer("decoder.conv_out").register_forward_hook((_, _, output) =>
            {
                at = Tensor.TotalCount;
                return output;
            });
            compressor.Decode(latent);
            return at - before;
        }
    }

    public static TheoryData<DCAEOptions> OtherForms => new()
    {
        Small.Slices,
        Small.Slices with { StructuredMinChannels = 2, StructuredChannelStep = 3, SlicesAtOnce = 3, ScalingFactor = 2 },
        Small.Volumes with { StructuredMinChannels = 2, EncoderOutShortcut = false, DecoderInShortcut = false },
    };

    [Theory]
    [MemberData(nameof(OtherForms), DisableDiscoveryEnumeration = true)]
    public void Slices_and_structured_latents_conform_too(DCAEOptions options) =>
        Assert.All(
            CompressorConformance.Verify(new With(options), Contexts.Cpu),
            check => Assert.True(check.Passed, $"{check.Name}: {check.Sentence}"));

    /// <summary>The part with another tiny instance.</summary>
    private sealed class With(DCAEOptions tiny) : ICompressor<DCAEOptions>
    {
        public DCAEOptions Tiny => tiny;

        public bool IsLearned => Small.Part.IsLearned;

        public VolumeShape LatentShape(DCAEOptions options, VolumeShape volume) => Small.Part.LatentShape(options, volume);

        public Compressor Create(DCAEOptions options, PartContext context) => Small.Part.Create(options, context);
    }
}
