using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.UNet3D;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.UNet3D;

public sealed class ControlNetTests
{
    private static readonly UNet3DArchitecture Architecture = new();

    // tests/Reference/unet3d-tiny.json, with one channel in
    private static readonly UNet3DOptions Small = new()
    {
        InChannels = 1,
        OutChannels = 1,
        Channels = [8, 16, 32],
        NumResBlocks = [1, 1, 2],
        AttentionLevels = [false, false, true],
        NumHeadChannels = 8,
        NormNumGroups = 8,
    };

    private static readonly ControlOptions Mask = new() { ImageChannels = 1, EmbeddingChannels = [8] };

    // the second one was counted with MONAI's class
    [Theory]
    [InlineData("unet5l", 32, 104_093_568)]
    [InlineData("unet6l", 16, 103_829_248)]
    public void Branch_has_the_exact_number_of_parameters(string preset, int embedding, long expected)
    {
        using var scope = NewDisposeScope();
        var options = UNet3DOptions.Presets[preset] with { InChannels = 1, OutChannels = 1 };
        using var branch = Architecture.CreateControl(options, new() { ImageChannels = 1, EmbeddingChannels = [embedding] }, Contexts.Meta);
        Assert.Equal(expected, branch.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(expected, ClosedForm(options, 1, [embedding]));
    }

    [Fact]
    public void Embedding_of_several_widths_has_the_exact_number_of_parameters()
    {
        using var scope = NewDisposeScope();
        using var branch = Architecture.CreateControl(Small, new() { ImageChannels = 3, EmbeddingChannels = [16, 32, 96] }, Contexts.Meta);
        Assert.Equal(ClosedForm(Small, 3, [16, 32, 96]), branch.parameters().Sum(parameter => parameter.numel()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Keys_are_MONAIs(bool resblockUpdown)
    {
        var options = Small with { ResblockUpdown = resblockUpdown };
        using var unet = Architecture.Create(options, Contexts.Meta);
        using var branch = Architecture.CreateControl(options, Mask with { EmbeddingChannels = [8, 16] }, Contexts.Meta);
        string[] encoder = ["conv_in.", "time_embed.", "down_blocks.", "middle_block."];
        string[] modules =
        [
            "controlnet_cond_embedding.conv_in.conv", "controlnet_cond_embedding.blocks.0.conv", "controlnet_cond_embedding.blocks.1.conv",
            "controlnet_cond_embedding.conv_out.conv",
            // conv_in, then level 0: block and halving, level 1: block and halving, level 2: two blocks
            "controlnet_down_blocks.0", .. Enumerable.Range(1, 6).Select(index => $"controlnet_down_blocks.{index}.conv"),
            "controlnet_mid_block.conv",
        ];
        var expected = Weights.Of(unet).Keys.Where(key => encoder.Any(key.StartsWith))
            .Concat(modules.SelectMany(module => new[] { $"{module}.weight", $"{module}.bias" }));
        Assert.Equal(expected.Order(StringComparer.Ordinal), Weights.Of(branch).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void New_branch_changes_no_prediction_by_a_bit()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var unet = Trained();
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        branch.StartFrom(unet);
        var (x, t, mask) = (randn([2, 1, 8, 8, 8]), tensor(new[] { 10f, 900f }), randn([2, 1, 8, 8, 8]));

        var residuals = branch.Residuals(x, t, mask, Conditioning.None);

        Assert.Equal(8, residuals.Count);
        Assert.All(residuals, residual => Assert.Equal(0, residual.abs().max().ToDouble()));
        var alone = unet.call(x, t, Conditioning.None);
        Assert.True(unet.call(x, t, new Conditioning { Residuals = residuals }).eq(alone).all().item<bool>());
        Assert.True(alone.abs().max().ToDouble() > 0);
    }

    [Fact]
    public void StartFrom_makes_the_branchs_encoder_the_UNets()
    {
        using var scope = NewDisposeScope();
        using var unet = Trained();
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        branch.StartFrom(unet);
        var (own, theirs) = (Weights.Of(branch), Weights.Of(unet));
        var shared = own.Keys.Where(key => !key.StartsWith("controlnet_", StringComparison.Ordinal)).ToArray();
        Assert.Equal(
            theirs.Keys.Count(
                key => !key.StartsWith("up_blocks.", StringComparison.Ordinal) && !key.StartsWith("out.", StringComparison.Ordinal)),
            shared.Length);
        Assert.All(shared, key => Assert.True(own[key].eq(theirs[key]).all().item<bool>(), key));

        // copies, not the same tensors
        using (no_grad())
            own["conv_in.conv.bias"].add_(S(1.0));
        Assert.False(own["conv_in.conv.bias"].eq(theirs["conv_in.conv.bias"]).any().item<bool>());
    }

    // with identities for the zero convolutions, a branch whose image counts for nothing adds the UNet's own skips and middle once more
    [Fact]
    public void Residuals_are_the_encoders_outputs_through_the_last_convolutions_in_the_order_of_the_skips()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var unet = Trained();
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        branch.StartFrom(unet);
        foreach (var (key, weight) in Weights.Of(branch))
            if (key.StartsWith("controlnet_down_blocks.", StringComparison.Ordinal) && key.EndsWith("weight", StringComparison.Ordinal)
                || key == "controlnet_mid_block.conv.weight")
                weight.copy_(eye(weight.shape[0]).view(weight.shape));
        var (x, t) = (randn([2, 1, 8, 8, 8]), tensor(new[] { 10f, 900f }));

        var residuals = branch.Residuals(x, t, randn([2, 1, 8, 8, 8]), Conditioning.None);

        Assert.Equal(
            [[8, 8], [8, 8], [8, 4], [16, 4], [16, 2], [32, 2], [32, 2], [32, 2]], residuals.Select(r => new[] { r.shape[1], r.shape[2] }));
        Assert.True(
            Reference.Difference(
                residuals[0],
                nn.functional.conv3d(
                    x, Weights.Of(unet)["conv_in.conv.weight"], Weights.Of(unet)["conv_in.conv.bias"], padding: [1, 1, 1])) < 1e-6);

        // taken away again, they leave nothing of the way down: the sample no longer matters
        Conditioning Without(Tensor sample) =>
            new() { Residuals = [.. branch.Residuals(sample, t, zeros([2, 1, 8, 8, 8]), Conditioning.None).Select(r => -r)] };
        var (one, other) = (unet.call(x, t, Without(x)), unet.call(-x, t, Without(-x)));
        Assert.True(Reference.Difference(one, other) < 1e-5);
        Assert.True(Reference.Difference(unet.call(x, t, Conditioning.None), unet.call(-x, t, Conditioning.None)) > 1e-2);
    }

    [Fact]
    public void Branch_sees_the_denoisers_image_condition_and_the_modulated_embedding()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        var options = Small with { InChannels = 2 };
        using var branch = Architecture.CreateControl(options, Mask, Contexts.Cpu);
        Perturb(branch);
        var (x, t, image) = (randn([1, 1, 8, 8, 8]), tensor(new[] { 500f }), randn([1, 1, 8, 8, 8]));
        var conditioning = new Conditioning { Image = image, Scale = randn(1, 32), Shift = randn(1, 32) };
        Tensor Last(Conditioning seen) => branch.Residuals(x, t, image, seen)[^1];
        var usual = Last(conditioning);
        Assert.True(Reference.Difference(Last(conditioning with { Image = -image }), usual) > 1e-3);
        Assert.True(Reference.Difference(Last(conditioning with { Scale = null }), usual) > 1e-3);
        Assert.True(Reference.Difference(Last(conditioning with { Shift = null }), usual) > 1e-3);
    }

    [Fact]
    public void Frozen_UNet_is_steered_under_mixed_precision()
    {
        using var scope = NewDisposeScope();
        using var unet = Trained();
        foreach (var parameter in unet.parameters())
            parameter.requires_grad = false;
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        Perturb(branch);
        // libtorch 2.10 gets the weights' bfloat16 gradient wrong on CPUs where the depth is 2, which is that of the last level of 8³
        var (x, t, mask) = (randn([2, 1, 16, 16, 16]), tensor(new[] { 10f, 900f }), randn([2, 1, 16, 16, 16]));

        Tensor prediction;
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            prediction = unet.call(x, t, new Conditioning { Residuals = branch.Residuals(x, t, mask, Conditioning.None) });
        prediction.to_type(ScalarType.Float32).square().mean().backward();

        Assert.All(branch.named_parameters(), entry => Assert.True(entry.parameter.grad?.abs().max().ToDouble() > 0, entry.name));
        Assert.All(unet.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Theory]
    [InlineData(-1, "the UNet adds 8 residuals")]
    [InlineData(1, "but 9 were given")]
    public void Wrong_number_of_residuals_is_refused(int change, string finding)
    {
        using var scope = NewDisposeScope();
        using var unet = Trained();
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        var (x, t) = (randn([1, 1, 8, 8, 8]), tensor(new[] { 500f }));
        var residuals = branch.Residuals(x, t, x, Conditioning.None);
        var wrong = change < 0 ? residuals.SkipLast(1) : residuals.Append(residuals[0]);
        var refusal = Assert.Throws<ArgumentException>(() => unet.call(x, t, new Conditioning { Residuals = [.. wrong] }));
        Assert.Contains(finding, refusal.Message);
    }

    [Fact]
    public void Residuals_of_another_grid_are_refused()
    {
        using var scope = NewDisposeScope();
        using var unet = Trained();
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        var (x, t) = (randn([1, 1, 8, 8, 8]), tensor(new[] { 500f }));
        var large = randn([1, 1, 16, 16, 16]);
        var residuals = branch.Residuals(large, t, large, Conditioning.None);
        var refusal = Assert.Throws<ArgumentException>(() => unet.call(x, t, new Conditioning { Residuals = residuals }));
        Assert.Contains("[1, 8, 16, 16, 16]", refusal.Message);
    }

    [Fact]
    public void StartFrom_refuses_other_options_and_other_denoisers()
    {
        using var branch = Architecture.CreateControl(Small, Mask, Contexts.Cpu);
        using var wider = Architecture.Create(Small with { Channels = [8, 16, 64] }, Contexts.Cpu);
        using var deeper = Architecture.Create(Small with { NumResBlocks = [1, 2, 2] }, Contexts.Cpu);
        using var other = new Constant();
        var before = Weights.Of(branch).ToDictionary(weight => weight.Key, weight => weight.Value.clone());

        Assert.Contains(
            "is [32] in the ControlNet and [64] in the denoiser", Assert.Throws<ArgumentException>(() => branch.StartFrom(wider)).Message);
        Assert.Contains("down_blocks.1.resnets.1", Assert.Throws<ArgumentException>(() => branch.StartFrom(deeper)).Message);
        Assert.Contains("not from Constant", Assert.Throws<ArgumentException>(() => branch.StartFrom(other)).Message);
        Assert.All(Weights.Of(branch), weight => Assert.True(weight.Value.eq(before[weight.Key]).all().item<bool>()));
    }

    [Theory]
    [InlineData(new[] { 8 }, 32, "0 times, which does not make 8×8×8 of 32×32×32; give 3 widths")]
    [InlineData(new[] { 8, 16, 16, 16 }, 32, "give 3 widths")]
    [InlineData(new[] { 8, 16 }, 15, "give an image whose sizes are the sample's times a power of two")]
    public void Embedding_whose_halvings_do_not_fit_is_refused_with_a_remedy(int[] widths, int size, string remedy)
    {
        using var scope = NewDisposeScope();
        using var branch = Architecture.CreateControl(Small, Mask with { EmbeddingChannels = widths }, Contexts.Cpu);
        var refusal = Assert.Throws<PlanException>(
            () => branch.Residuals(randn([1, 1, 8, 8, 8]), tensor(new[] { 500f }), randn([1, 1, size, size, size]), Conditioning.None));
        Assert.Equal("embedding_channels", refusal.Key);
        Assert.Contains(remedy, refusal.Message);
    }

    [Fact]
    public void Embedding_of_three_widths_halves_the_image_twice()
    {
        using var scope = NewDisposeScope();
        using var branch = Architecture.CreateControl(Small, Mask with { EmbeddingChannels = [8, 16, 16] }, Contexts.Cpu);
        var residuals = branch.Residuals(randn([1, 1, 8, 8, 8]), tensor(new[] { 500f }), randn([1, 1, 32, 32, 32]), Conditioning.None);
        Assert.Equal([1, 8, 8, 8, 8], residuals[0].shape);
    }

    public static TheoryData<string, UNet3DOptions, ControlOptions> Contradictions => new()
    {
        { "image_channels", Small, Mask with { ImageChannels = 0 } },
        { "embedding_channels", Small, Mask with { EmbeddingChannels = [] } },
        { "embedding_channels", Small, Mask with { EmbeddingChannels = [16, 0] } },
        { "in_channels", Small with { InChannels = null }, Mask },
        { "channels", Small with { NormNumGroups = 3 }, Mask },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Contradiction_names_the_option(string key, UNet3DOptions options, ControlOptions control) =>
        Assert.Equal(key, Assert.Throws<PlanException>(() => Architecture.CreateControl(options, control, Contexts.Meta)).Key);

    // a UNet whose zero-initialised layers say something
    private static Denoiser Trained()
    {
        var unet = Architecture.Create(Small, Contexts.Cpu);
        Perturb(unet);
        return unet;
    }

    private static void Perturb(nn.Module module)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        foreach (var parameter in module.parameters())
            parameter.add_(randn_like(parameter) * S(0.1));
    }

    private sealed class Constant() : Denoiser(nameof(Constant))
    {
        public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning) => sample.alias();
    }

    // the number of parameters as a formula of the options, derived from the description of the network and not from the code
    private static long ClosedForm(UNet3DOptions o, long imageChannels, long[] widths)
    {
        long[] c = [.. o.Channels.Select(channels => (long)channels)];
        var (c0, e, last) = (c[0], 4 * c[0], c.Length - 1);
        static long Conv(long kernel, long a, long b) => kernel * a * b + b;
        long Residual(long a, long b) => 2 * a + Conv(27, a, b) + e * b + b + 2 * b + Conv(27, b, b) + (a == b ? 0 : Conv(1, a, b));
        static long Attention(long a) => 2 * a + 4 * Conv(1, a, a);

        var total = Conv(27, o.InChannels!.Value, c0) + Conv(1, c0, e) + Conv(1, e, e) + 2 * Residual(c[last], c[last])
            + Attention(c[last]);
        total += Conv(1, c0, c0) + Conv(1, c[last], c[last]); // zero convolutions of conv_in's output and of the middle
        for (var i = 0; i <= last; i++)
        {
            total += Residual(i == 0 ? c0 : c[i - 1], c[i]) + (o.NumResBlocks[i] - 1) * Residual(c[i], c[i]);
            total += o.NumResBlocks[i] * ((o.AttentionLevels[i] ? Attention(c[i]) : 0) + Conv(1, c[i], c[i]));
            total += i < last ? Conv(27, c[i], c[i]) + Conv(1, c[i], c[i]) : 0;
        }

        total += Conv(27, imageChannels, widths[0]) + Conv(27, widths[^1], c0);
        for (var i = 1; i < widths.Length; i++)
            total += Conv(27, widths[i - 1], widths[i - 1]) + Conv(27, widths[i - 1], widths[i]);
        return total;
    }
}
