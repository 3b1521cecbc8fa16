using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.WDM;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.WDM;

public sealed class WDMArchitectureTests
{
    private static readonly WDMArchitecture Architecture = new();

    // tests/Reference/wdm-tiny.json
    private static readonly WDMOptions Small = new()
    {
        InChannels = 8,
        OutChannels = 8,
        BaseChannels = 8,
        ChannelMultipliers = [1, 2, 2],
        NumResBlocks = 1,
        NormNumGroups = 8,
    };

    /// <summary>Every combination of skips and resampling, with different widths, multipliers and numbers of blocks.</summary>
    public static TheoryData<WDMOptions> Forms =>
    [
        Small,
        Small with { AdditiveSkips = false },
        Small with { ResidualResampling = false, NumResBlocks = 2 },
        Small with { AdditiveSkips = false, ResidualResampling = false, NumResBlocks = 2 },
        Small with { ChannelMultipliers = [3, 2, 1], NormNumGroups = 4 },
        Small with { ChannelMultipliers = [2, 1, 3], NormNumGroups = 4, AdditiveSkips = false },
        Small with { ChannelMultipliers = [2], ResidualResampling = false },
    ];

    [Fact]
    public void Forward_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(network, "wdm-tiny.weights.safetensors");
        using var io = Reference.Tensors("wdm-tiny.io.safetensors");

        var output = network.call(io["input"], io["timesteps"], Conditioning.None);

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    [Fact]
    public void Image_condition_is_concatenated_after_the_sample()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(network, "wdm-tiny.weights.safetensors");
        using var io = Reference.Tensors("wdm-tiny.io.safetensors");
        var (sample, condition) = (io["input"].narrow(1, 0, 5), io["input"].narrow(1, 5, 3));

        var output = network.call(sample, io["timesteps"], new Conditioning { Image = condition });

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    [Fact]
    public void Scale_and_shift_of_the_time_embedding_change_the_prediction()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(network, "wdm-tiny.weights.safetensors");
        using var io = Reference.Tensors("wdm-tiny.io.safetensors");
        Assert.Equal(32, network.EmbeddingSize);

        // scale 1 with shift −e doubles the embedding and takes it away again, which nothing but FiLM after time_embed does
        var embedding = new PlainNetwork(Weights.Of(network), Small).Embedding(io["timesteps"]);
        var modulated = network.call(io["input"], io["timesteps"], new Conditioning { Scale = ones(2, 32), Shift = -embedding });

        Assert.True(Reference.Difference(modulated, io["output"]) < 1e-5);
        var shifted = network.call(io["input"], io["timesteps"], new Conditioning { Shift = ones(2, 32) });
        Assert.True(Reference.Difference(shifted, io["output"]) > 1e-2);
    }

    [Fact]
    public void Plain_computation_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var weights = Reference.Tensors("wdm-tiny.weights.safetensors");
        using var io = Reference.Tensors("wdm-tiny.io.safetensors");

        var output = new PlainNetwork(weights, Small).Forward(io["input"], io["timesteps"]);

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    [Theory]
    [MemberData(nameof(Forms), DisableDiscoveryEnumeration = true)]
    public void Forward_agrees_with_the_plain_computation_in_every_form(WDMOptions options)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        manual_seed(4);
        using var network = Create(options);
        var (sample, timesteps) = (randn([2, 8, 4, 8, 12]), tensor([0.5f, 731f]));

        var output = network.call(sample, timesteps, Conditioning.None);

        Assert.True(output.std().ToDouble() > 0.05);
        Assert.True(Reference.Difference(output, new PlainNetwork(Weights.Of(network), options).Forward(sample, timesteps)) < 1e-5);
    }

    [Theory]
    [MemberData(nameof(Forms), DisableDiscoveryEnumeration = true)]
    public void Gradients_are_those_of_the_plain_computation(WDMOptions options)
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        using var network = Create(options);
        var (sample, timesteps, weight) = (randn([1, 8, 4, 8, 4]), tensor([250f]), randn([1, 8, 4, 8, 4]));
        var parameters = network.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);

        (network.call(sample, timesteps, Conditioning.None) * weight).sum().backward();
        var gradients = parameters.ToDictionary(entry => entry.Key, entry => entry.Value.grad!.clone());
        network.zero_grad();
        (new PlainNetwork(parameters, options).Forward(sample, timesteps) * weight).sum().backward();

        // a bias that the next norm takes away has no gradient but rounding
        var largest = parameters.Values.Max(parameter => parameter.grad!.abs().max().ToDouble());
        Assert.All(
            parameters,
            entry => Assert.True((gradients[entry.Key] - entry.Value.grad!).abs().max().ToDouble() < 1e-5 * largest, entry.Key));
    }

    [Fact]
    public void Mixed_precision_stays_near_single_precision()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(network, "wdm-tiny.weights.safetensors");
        using var io = Reference.Tensors("wdm-tiny.io.safetensors");

        using var mixed = Autocast.Begin(CPU, ScalarType.BFloat16);
        var output = network.call(io["input"], io["timesteps"], Conditioning.None);

        Assert.Equal(ScalarType.BFloat16, output.dtype);
        Assert.InRange(Reference.Difference(output.to(ScalarType.Float32), io["output"]), 1e-5, 0.05);
    }

    [Fact]
    public void Untrained_network_predicts_exactly_zero()
    {
        using var scope = NewDisposeScope();
        using var network = Architecture.Create(Small, Contexts.Cpu);
        var output = network.call(randn([1, 8, 4, 8, 8]), tensor([500f]), Conditioning.None);
        Assert.Equal(0, output.abs().max().ToDouble());
    }

    [Fact]
    public void Dropout_acts_in_training_alone()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = Create(Small with { Dropout = 0.5 });
        using var without = Architecture.Create(Small, Contexts.Cpu);
        Weights.Load(without, Weights.Of(network), "the network with dropout");
        var (sample, timesteps) = (randn([1, 8, 4, 8, 8]), tensor([500f]));
        Tensor Predict(Denoiser denoiser) => denoiser.call(sample, timesteps, Conditioning.None);

        without.train();
        network.train();
        Assert.True(Reference.Difference(Predict(network), Predict(without)) > 1e-2);
        network.eval();
        Assert.Equal(0, Reference.Difference(Predict(network), Predict(without)));
    }

    // counts of the authors' class with their settings
    [Theory]
    [InlineData("wdm_128", 8, 8, 57_914_824)]
    [InlineData("wdm_128", 16, 8, 57_928_648)]
    [InlineData("wdm_256", 8, 8, 83_158_728)]
    public void Preset_has_the_exact_number_of_parameters(string preset, int inChannels, int outChannels, long expected)
    {
        var options = WDMOptions.Presets[preset] with { InChannels = inChannels, OutChannels = outChannels };
        Assert.Equal(expected, CountOnMeta(options));
        Assert.Equal(expected, ClosedForm(options));
    }

    [Theory]
    [MemberData(nameof(Forms), DisableDiscoveryEnumeration = true)]
    public void Parameters_of_every_form_are_as_many_as_the_closed_form_says(WDMOptions options) =>
        Assert.Equal(ClosedForm(options), CountOnMeta(options));

    [Fact]
    public void Default_is_the_network_for_128_voxels() =>
        Assert.Equal(57_914_824, CountOnMeta(new WDMOptions { InChannels = 8, OutChannels = 8 }));

    [Fact]
    public void Fit_sets_the_channels_that_the_experiment_implies()
    {
        var fitted = Architecture.Fit(new WDMOptions(), Shape(80, 64, 64, condition: 8));
        Assert.Equal((16, 8), (fitted.InChannels, fitted.OutChannels));
    }

    [Theory]
    [InlineData(
        40, 64, 64, "depth 40 of the 40×64×64 grid is not divisible by 16, as 5 levels need",
        "keep 4 of the multipliers or pad the grid to 48")]
    [InlineData(32, 30, 64, "height 30", "keep 2 of the multipliers or pad the grid to 32")]
    [InlineData(32, 64, 51, "width 51", "keep 1 of the multipliers or pad the grid to 64")]
    public void Fit_refuses_sizes_that_the_levels_cannot_halve(int depth, int height, int width, string finding, string remedy)
    {
        var refusal = Assert.Throws<PlanException>(() => Architecture.Fit(new WDMOptions(), Shape(depth, height, width)));
        Assert.Equal("channel_multipliers", refusal.Key);
        Assert.Contains(finding, refusal.Message);
        Assert.Contains(remedy, refusal.Message);
    }

    [Fact]
    public void Six_levels_are_refused_for_the_80_slices_that_5_accept()
    {
        Architecture.Fit(WDMOptions.Presets["wdm_128"], Shape(80, 128, 128));
        Assert.Throws<PlanException>(() => Architecture.Fit(WDMOptions.Presets["wdm_256"], Shape(80, 128, 128)));
    }

    public static TheoryData<string, string, WDMOptions> Contradictions => new()
    {
        { "in_channels", "3 but the latent and its condition have 8", new WDMOptions { InChannels = 3 } },
        { "out_channels", "2 but the latent has 8", new WDMOptions { OutChannels = 2 } },
        { "norm_num_groups", "48 base channels do not divide into 32 groups", new WDMOptions { BaseChannels = 48 } },
        {
            "norm_num_groups",
            "64 base channels do not divide into 128 groups",
            new WDMOptions { NormNumGroups = 128, ChannelMultipliers = [2, 4] }
        },
        { "channel_multipliers", "level 1 multiplies the base channels by 0", new WDMOptions { ChannelMultipliers = [1, 0] } },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Fit_names_the_option_that_contradicts(string key, string finding, WDMOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Architecture.Fit(options, Shape(80, 64, 64)));
        Assert.Equal(key, refusal.Key);
        Assert.Contains(finding, refusal.Message);
    }

    [Fact]
    public void Create_asks_for_channels_that_nobody_gave() =>
        Assert.Equal("in_channels", Assert.Throws<PlanException>(() => Architecture.Create(new WDMOptions(), Contexts.Meta)).Key);

    [Theory]
    [InlineData(1.0)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void Dropout_that_leaves_nothing_or_is_none_is_out_of_range(double dropout)
    {
        var options = new WDMOptions { Dropout = dropout };
        Assert.False(Validator.TryValidateObject(options, new ValidationContext(options), null, validateAllProperties: true));
    }

    // elements for each voxel of the fine and of the coarse grid, of two levels of widths 2 and 4 with one block each
    [Theory]
    // fine: stem 1, block 12, halving 6, doubling 8, blocks 12 + 12, head 6; coarse: halving 8, block 18, middle
    // 48, blocks 18 + 12, doubling 4
    [InlineData(true, true, 0.0, 57, 108)]
    // dropout adds the width that each block leaves
    [InlineData(true, true, 0.1, 57 + 8, 108 + 18)]
    // fine: stem 1, block 12, halving 2, doubling 4, blocks 24 + 18, head 6; coarse: block 18, middle 48, blocks 36 + 30
    [InlineData(false, false, 0.0, 67, 132)]
    public void Activations_are_those_counted_by_hand(bool additive, bool residual, double dropout, int fine, int coarse)
    {
        var shape = new DiffusionShape(new VolumeShape(1, 4, 8, 4), new VolumeShape(1, 4, 8, 4), 0);
        var options = Architecture.Fit(
            new WDMOptions
            {
                BaseChannels = 2,
                ChannelMultipliers = [1, 2],
                NumResBlocks = 1,
                NormNumGroups = 1,
                AdditiveSkips = additive,
                ResidualResampling = residual,
                Dropout = dropout,
            },
            shape);

        Assert.Equal(128 * fine + 16 * coarse, Architecture.Describe(options, shape).ActivationElements);
    }

    private static Denoiser Create(WDMOptions options)
    {
        var network = Architecture.Create(options, Contexts.Cpu);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // away from the zeros behind which blocks would hide
        foreach (var parameter in network.parameters())
            parameter.add_(randn_like(parameter) * S(0.1));
        return network;
    }

    private static long CountOnMeta(WDMOptions options)
    {
        using var scope = NewDisposeScope();
        using var network = Architecture.Create(options, Contexts.Meta);
        return network.parameters().Sum(parameter => parameter.numel());
    }

    private static DiffusionShape Shape(int depth, int height, int width, int condition = 0) =>
        new(new VolumeShape(1, 2 * depth, 2 * height, 2 * width), new VolumeShape(8, depth, height, width), condition);

    // the number of parameters as a formula of the options, derived from the description of the network and not from the code
    private static long ClosedForm(WDMOptions o)
    {
        long[] widths = [.. o.ChannelMultipliers.Select(multiplier => (long)multiplier * o.BaseChannels)];
        long c = o.BaseChannels;
        var (e, n, last) = (4 * c, o.NumResBlocks, widths.Length - 1);
        long Residual(long a, long b) => 2 * a + 27 * a * b + b + e * b + b + 2 * b + 27 * b * b + b + (a == b ? 0 : a * b + b);
        long Resample(long a) => o.ResidualResampling ? Residual(a, a) : 27 * a * a + a;
        long Width(int level) => level < 0 ? c : widths[level];

        // what enters the last entry of a level on the way up is what the level's halving kept, as wide as the level below
        var total = 27 * c * o.InChannels!.Value + c + c * e + e + e * e + e + 2 * Residual(widths[last], widths[last]);
        for (var level = 0; level <= last; level++)
        {
            var (own, below) = (widths[level], Width(level - 1));
            total += Residual(below, own) + (n - 1) * Residual(own, own) + (level < last ? Resample(own) : 0);

            var above = o.AdditiveSkips || level == last ? own : widths[level + 1];
            total += o.AdditiveSkips
                ? (n - 1) * Residual(own, own) + Residual(own, below) + Residual(below, below)
                : Residual(above + own, own) + (n - 1) * Residual(2 * own, own) + Residual(own + below, own);
            total += level > 0 ? Resample(o.AdditiveSkips ? below : own) : 0;
        }

        var head = o.AdditiveSkips ? c : widths[0];
        return total + 2 * head + 27 * head * o.OutChannels!.Value + o.OutChannels.Value;
    }
}
