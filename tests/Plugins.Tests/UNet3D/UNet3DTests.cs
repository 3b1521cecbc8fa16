using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.UNet3D;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.UNet3D;

public sealed class UNet3DTests
{
    private static readonly UNet3DArchitecture Architecture = new();

    // tests/Reference/unet3d-tiny.json
    private static readonly UNet3DOptions Small = new()
    {
        InChannels = 2,
        OutChannels = 1,
        Channels = [8, 16, 32],
        NumResBlocks = [1, 1, 2],
        AttentionLevels = [false, false, true],
        NumHeadChannels = 8,
        NormNumGroups = 8,
    };

    // tests/Reference/unet3d-updown-tiny.json
    private static readonly UNet3DOptions Resampling = new()
    {
        InChannels = 2,
        OutChannels = 1,
        Channels = [4, 8],
        NumResBlocks = [1, 2],
        AttentionLevels = [false, true],
        NumHeadChannels = 4,
        NormNumGroups = 2,
        ResblockUpdown = true,
    };

    [Fact]
    public void Forward_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var unet = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(unet, "unet3d-tiny.weights.safetensors");
        using var io = Reference.Tensors("unet3d-tiny.io.safetensors");

        var output = unet.call(io["input"], io["timesteps"], Conditioning.None);

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    // its tensors were made by an implementation in PyTorch that also gives those of unet3d-tiny
    [Fact]
    public void Network_that_resamples_in_residual_blocks_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var unet = Architecture.Create(Resampling, Contexts.Cpu);
        Reference.LoadWeights(unet, "unet3d-updown-tiny.weights.safetensors");
        using var io = Reference.Tensors("unet3d-updown-tiny.io.safetensors");

        var output = unet.call(io["input"], io["timesteps"], Conditioning.None);

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    [Fact]
    public void Image_condition_is_concatenated_after_the_sample()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var unet = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(unet, "unet3d-tiny.weights.safetensors");
        using var io = Reference.Tensors("unet3d-tiny.io.safetensors");
        var (sample, condition) = (io["input"].narrow(1, 0, 1), io["input"].narrow(1, 1, 1));

        var output = unet.call(sample, io["timesteps"], new Conditioning { Image = condition });

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    [Fact]
    public void Features_are_the_coarsest_levels_and_follow_the_conditioning()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var unet = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(unet, "unet3d-tiny.weights.safetensors");
        using var io = Reference.Tensors("unet3d-tiny.io.safetensors");
        var extractor = Assert.IsType<IFeatureExtractor>(unet, exactMatch: false);
        Assert.Equal(32, extractor.FeatureChannels);

        var (sample, timesteps) = (io["input"], io["timesteps"]);
        var plain = extractor.Features(sample, timesteps, Conditioning.None);
        Assert.Equal([sample.shape[0], 32, .. sample.shape[2..].Select(size => size / 4)], plain.shape);

        // time, image, FiLM and a control branch all reach what a prediction is made of
        Assert.True(Reference.Difference(extractor.Features(sample, timesteps * Scalars.S(0.5), Conditioning.None), plain) > 1e-4);
        var shift = new Conditioning { Shift = ones(sample.shape[0], unet.EmbeddingSize) };
        Assert.True(Reference.Difference(extractor.Features(sample, timesteps, shift), plain) > 1e-4);
        var image = new Conditioning { Image = zeros_like(sample.narrow(1, 1, 1)) };
        Assert.True(Reference.Difference(extractor.Features(sample.narrow(1, 0, 1), timesteps, image), plain) > 1e-4);
        using var control = Architecture.CreateControl(
            Small, new ControlOptions { ImageChannels = 1, EmbeddingChannels = [8] }, Contexts.Cpu);
        var residuals = control
            .Residuals(sample, timesteps, sample.narrow(1, 0, 1), Conditioning.None).Select(residual => ones_like(residual)).ToArray();
        Assert.True(
            Reference.Difference(
                extractor.Features(sample, timesteps, new Conditioning { Residuals = residuals }), plain + ones_like(plain)) < 1e-5);
    }

    [Fact]
    public void Scale_and_shift_of_the_time_embedding_change_the_prediction()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var unet = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(unet, "unet3d-tiny.weights.safetensors");
        using var io = Reference.Tensors("unet3d-tiny.io.safetensors");
        Assert.Equal(32, unet.EmbeddingSize);

        // scale 1 with shift −e doubles the embedding and takes it away again, which nothing but FiLM after time_embed does
        var modulated = unet.call(
            io["input"], io["timesteps"], new Conditioning { Scale = ones(2, 32), Shift = -Embedding(unet, io["timesteps"]) });

        Assert.True(Reference.Difference(modulated, io["output"]) < 1e-5);
        var shifted = unet.call(io["input"], io["timesteps"], new Conditioning { Shift = ones(2, 32) });
        Assert.True(Reference.Difference(shifted, io["output"]) > 1e-2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Untrained_network_predicts_exactly_zero(bool resblockUpdown)
    {
        using var scope = NewDisposeScope();
        using var unet = Architecture.Create(Small with { ResblockUpdown = resblockUpdown }, Contexts.Cpu);
        var output = unet.call(randn([1, 2, 8, 8, 8]), tensor([500f]), Conditioning.None);
        Assert.Equal(0, output.abs().max().ToDouble());
    }

    // counts of the original system's networks; where it names no preset, of MONAI's class built with these options
    [Theory]
    [InlineData("unet5l", 2, 1, 270_005_697)]
    [InlineData("unet5l", 1, 1, 270_004_833)]
    [InlineData("unet5l", 8, 1, 270_010_881)]
    [InlineData("unet6l", 2, 1, 269_569_249)]
    [InlineData("unet6l", 1, 1, 269_568_817)]
    [InlineData("unet6l", 8, 1, 269_571_841)]
    [InlineData("s2d", 16, 8, 1_424_136_200)]
    [InlineData("wdm", 16, 8, 74_206_472)]
    [InlineData("wdm_attention", 16, 8, 76_843_272)]
    [InlineData("ldm4x", 8, 4, 3_477_638_916)]
    [InlineData("ldm4x_mid", 8, 4, 666_238_980)]
    [InlineData("ldm8x", 8, 4, 3_473_710_596)]
    [InlineData("ldm8x_small", 8, 4, 166_512_644)]
    public void Preset_has_the_exact_number_of_parameters(string preset, int inChannels, int outChannels, long expected)
    {
        using var scope = NewDisposeScope();
        var options = UNet3DOptions.Presets[preset] with { InChannels = inChannels, OutChannels = outChannels };
        using var unet = Architecture.Create(options, Contexts.Meta);
        Assert.Equal(expected, unet.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(expected, ClosedForm(options));
    }

    // counted in PyTorch, by the implementation that made the tensors of unet3d-updown-tiny
    [Theory]
    [InlineData("unet5l", 2, 1, 295_323_009)]
    [InlineData("wdm", 16, 8, 81_747_080)]
    [InlineData("ldm4x", 8, 4, 3_668_970_756)]
    public void Preset_that_resamples_in_residual_blocks_has_the_exact_number_of_parameters(
        string preset, int inChannels, int outChannels, long expected)
    {
        using var scope = NewDisposeScope();
        var options = UNet3DOptions.Presets[preset] with { InChannels = inChannels, OutChannels = outChannels, ResblockUpdown = true };
        using var unet = Architecture.Create(options, Contexts.Meta);
        Assert.Equal(expected, unet.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(expected, ClosedForm(options));
    }

    [Fact]
    public void Fit_sets_the_channels_that_the_experiment_implies()
    {
        var fitted = Architecture.Fit(new UNet3DOptions(), Shape(32, 64, 48, condition: 2));
        Assert.Equal((3, 1), (fitted.InChannels, fitted.OutChannels));
    }

    [Theory]
    [InlineData(40, 64, 64, "depth 40 of the 40×64×64 grid is not divisible by 16", "pad the volume to 48")]
    [InlineData(32, 64, 50, "width 50", "at most 2 levels")]
    public void Fit_refuses_sizes_that_the_levels_cannot_halve(int depth, int height, int width, string finding, string remedy)
    {
        var refusal = Assert.Throws<PlanException>(() => Architecture.Fit(new UNet3DOptions(), Shape(depth, height, width)));
        Assert.Equal("channels", refusal.Key);
        Assert.Contains(finding, refusal.Message);
        Assert.Contains(remedy, refusal.Message);
    }

    public static TheoryData<string, UNet3DOptions> Contradictions => new()
    {
        { "in_channels", new UNet3DOptions { InChannels = 3 } },
        { "out_channels", new UNet3DOptions { OutChannels = 2 } },
        { "num_res_blocks", new UNet3DOptions { NumResBlocks = [1, 1] } },
        { "num_res_blocks", new UNet3DOptions { NumResBlocks = [1, 1, 0, 1, 1] } },
        { "attention_levels", new UNet3DOptions { AttentionLevels = [true] } },
        { "channels", new UNet3DOptions { Channels = [32, 64, 250, 512, 512] } },
        { "channels", new UNet3DOptions { Channels = [1, 2, 4, 8, 16], NormNumGroups = 1 } },
        { "channels", new UNet3DOptions { Channels = [32, 64, 256, 512, 102_400_000] } },
        { "num_head_channels", new UNet3DOptions { NumHeadChannels = 24 } },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Fit_names_the_option_that_contradicts(string key, UNet3DOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Architecture.Fit(options, Shape(32, 64, 64)));
        Assert.Equal(key, refusal.Key);
    }

    [Fact]
    public void Activations_follow_the_grid_and_are_those_of_the_smallest_network_counted_by_hand()
    {
        var options = Architecture.Fit(
            new UNet3DOptions { Channels = [2], NumResBlocks = [1], AttentionLevels = [false], NumHeadChannels = 2, NormNumGroups = 1 },
            Shape(4, 4, 4));
        long? Count(int size) => Architecture.Describe(options, Shape(size, size, size)).ActivationElements;

        // stem 1; down block 12; middle 24 + 14; up blocks (4 → 2) twice 18 each; head 6: elements for each of 64 voxels
        Assert.Equal(64 * (1 + 12 + 24 + 14 + 2 * 18 + 6), Count(4));
        Assert.Equal(8 * Count(4), Count(8));
    }

    [Fact]
    public void Residual_blocks_that_resample_add_what_they_keep_and_take_away_what_convolutions_kept()
    {
        var options = new UNet3DOptions
        {
            Channels = [2, 2], NumResBlocks = [1, 1], AttentionLevels = [false, false], NumHeadChannels = 2, NormNumGroups = 1,
        };
        long Count(bool resblockUpdown)
        {
            var fitted = Architecture.Fit(options with { ResblockUpdown = resblockUpdown }, Shape(8, 8, 8));
            return Architecture.Describe(fitted, Shape(8, 8, 8)).ActivationElements!.Value;
        }

        const int large = 2 * 8 * 8 * 8, small = 2 * 4 * 4 * 4;
        // down: inputs of norm, SiLU and pooling at full size, of convolution, norm, SiLU and convolution at half; a strided convolution
        // keeps its input. Up: inputs of norm and SiLU at half size, of convolution, norm, SiLU and convolution at full
        const int down = 3 * large + 4 * small - large, up = 2 * small + 4 * large - large;
        Assert.Equal(Count(false) + down + up, Count(true));
    }

    [Fact]
    public void Gradient_checkpointing_changes_no_gradient_where_residual_blocks_resample()
    {
        using var scope = NewDisposeScope();
        using var io = Reference.Tensors("unet3d-updown-tiny.io.safetensors");
        Tensor Gradients(bool checkpointing)
        {
            using var unet = Architecture.Create(Resampling, Contexts.Cpu with { GradientCheckpointing = checkpointing });
            Reference.LoadWeights(unet, "unet3d-updown-tiny.weights.safetensors");
            GradientCheckpoint.Backward(unet.call(io["input"], io["timesteps"], Conditioning.None).square().mean());
            return cat([.. unet.parameters().Select(parameter => parameter.grad!.flatten())]);
        }

        Assert.True(Reference.Difference(Gradients(checkpointing: true), Gradients(checkpointing: false)) < 1e-5);
    }

    private static DiffusionShape Shape(int depth, int height, int width, int condition = 0)
    {
        var volume = new VolumeShape(1, depth, height, width);
        return new DiffusionShape(volume, volume, condition);
    }

    private static Tensor Embedding(nn.Module unet, Tensor timesteps)
    {
        var weights = unet.state_dict();
        var sinusoid = Tensors.TimeEmbedding.Sinusoidal(timesteps, 8);
        var hidden = nn.functional.silu(nn.functional.linear(sinusoid, weights["time_embed.0.weight"], weights["time_embed.0.bias"]));
        return nn.functional.linear(hidden, weights["time_embed.2.weight"], weights["time_embed.2.bias"]);
    }

    // the number of parameters as a formula of the options, derived from the description of the network and not from the code
    private static long ClosedForm(UNet3DOptions o)
    {
        long[] c = [.. o.Channels.Select(channels => (long)channels)];
        var (c0, e, last) = (c[0], 4 * c[0], c.Length - 1);
        long Residual(long a, long b) => 2 * a + 27 * a * b + b + e * b + b + 2 * b + 27 * b * b + b + (a == b ? 0 : a * b + b);
        static long Attention(long a) => 2 * a + 4 * (a * a + a);
        long Resample(long a) => o.ResblockUpdown ? Residual(a, a) : 27 * a * a + a;

        var total = 27L * o.InChannels!.Value * c0 + c0 + c0 * e + e + e * e + e + 2 * c0 + 27 * c0 * o.OutChannels!.Value
            + o.OutChannels.Value;
        total += 2 * Residual(c[last], c[last]) + Attention(c[last]);
        for (var i = 0; i <= last; i++)
        {
            var attention = o.AttentionLevels[i] ? Attention(c[i]) : 0;
            total += Residual(i == 0 ? c0 : c[i - 1], c[i]) + (o.NumResBlocks[i] - 1) * Residual(c[i], c[i])
                + o.NumResBlocks[i] * attention;
            total += i < last ? Resample(c[i]) : 0;

            var (previous, next, blocks) = (i == last ? c[last] : c[i + 1], i == 0 ? c0 : c[i - 1], o.NumResBlocks[i] + 1);
            for (var j = 0; j < blocks; j++)
                total += Residual((j == 0 ? previous : c[i]) + (j == blocks - 1 ? next : c[i]), c[i]) + attention;
            total += i > 0 ? Resample(c[i]) : 0;
        }

        return total;
    }
}
