using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DiT;

namespace VoxelZoo.Plugins.Tests.DiT;

public sealed class DiTPlanTests
{
    private static readonly DiTArchitecture Architecture = new();

    [Fact]
    public void Fit_completes_channels_and_grid()
    {
        var fitted = Architecture.Fit(new DiTOptions(), Shape(4, 40, 64, 48, condition: 3));
        Assert.Equal((7, 4, null), (fitted.InChannels, fitted.OutChannels, fitted.ConditionChannels));
        Assert.Equal((40, 64, 48), (fitted.DepthSize, fitted.InputSize, fitted.WidthSize));
        Assert.Equal(20 * 32 * 24, Architecture.Describe(fitted, Shape(4, 40, 64, 48, condition: 3)).Tokens);
    }

    [Fact]
    public void Fit_counts_the_condition_by_itself_where_it_is_attended_to()
    {
        var fitted = Architecture.Fit(new DiTOptions { Conditioning = ImageConditioning.CrossAttn }, Shape(4, 8, 8, 8, condition: 3));
        Assert.Equal((4, 4, 3), (fitted.InChannels, fitted.OutChannels, fitted.ConditionChannels));
    }

    [Theory]
    [InlineData(
        2, 5, 4, 4, "latent 4×4 with patch_size 2 and depth 5: depth is not divisible by 2; use patch_size: 1 or pad the depth to 6")]
    [InlineData(
        8, 12, 10, 16,
        "latent 10×16 with patch_size 8 and depth 12: depth is not divisible by 8; use patch_size: 2 or pad the depth to 16")]
    [InlineData(8, 8, 20, 16, "height is not divisible by 8; use patch_size: 4 or pad the height to 24")]
    [InlineData(8, 8, 16, 4, "width is not divisible by 8; use patch_size: 4 or pad the width to 8")]
    public void Fit_refuses_a_patch_that_leaves_a_remainder(int patch, int depth, int height, int width, string sentence)
    {
        var refusal = Assert.Throws<PlanException>(
            () => Architecture.Fit(new DiTOptions { PatchSize = patch }, Shape(1, depth, height, width)));
        Assert.Equal("patch_size", refusal.Key);
        Assert.EndsWith(sentence, refusal.Message);
    }

    [Fact]
    public void Fit_suggests_no_patch_that_it_would_refuse_next()
    {
        string Refusal(DiTOptions options) =>
            Assert.Throws<PlanException>(() => Architecture.Fit(options, Shape(1, 160, 128, 128))).Message;
        // 4 would make 40,960 tokens
        Assert.Contains("use patch_size: 8 or pad the depth to 161", Refusal(new DiTOptions { PatchSize = 7 }));
        Assert.EndsWith("not divisible by 7; pad the depth to 161", Refusal(new DiTOptions { PatchSize = 7, MaxTokens = 10 }));
    }

    [Fact]
    public void Fit_refuses_more_tokens_than_allowed_and_names_the_patch_that_fits()
    {
        var shape = Shape(4, 40, 64, 64);
        var refusal = Assert.Throws<PlanException>(() => Architecture.Fit(new DiTOptions { PatchSize = 1 }, shape));
        Assert.Equal("patch_size", refusal.Key);
        Assert.Contains("163,840 tokens, more than max_tokens 32,768", refusal.Message);
        Assert.Contains("use patch_size: 2 (20,480 tokens)", refusal.Message);

        var forced = Architecture.Fit(new DiTOptions { PatchSize = 1, MaxTokens = 163_840 }, shape);
        Assert.Equal(163_840, Architecture.Describe(forced, shape).Tokens);
        Assert.Contains(
            "compress more or raise max_tokens",
            Assert.Throws<PlanException>(
                () => Architecture.Fit(new DiTOptions { PatchSize = 1, MaxTokens = 10 }, Shape(1, 7, 11, 13))).Message);
    }

    public static TheoryData<string, DiTOptions> Contradictions => new()
    {
        { "in_channels", new DiTOptions { InChannels = 3 } },
        { "in_channels", new DiTOptions { InChannels = 2, Conditioning = ImageConditioning.CrossAttn } },
        { "out_channels", new DiTOptions { OutChannels = 2 } },
        { "condition_channels", new DiTOptions { ConditionChannels = 1 } },
        { "condition_channels", new DiTOptions { ConditionChannels = 2, Conditioning = ImageConditioning.CrossAttn } },
        { "input_size", new DiTOptions { InputSize = 8 } },
        { "width_size", new DiTOptions { WidthSize = 16 } },
        { "depth_size", new DiTOptions { DepthSize = 16 } },
        { "hidden_size", new DiTOptions { HiddenSize = 100, NumHeads = 12 } },
        { "hidden_size", new DiTOptions { HiddenSize = 9, NumHeads = 3 } },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Fit_names_the_option_that_contradicts(string key, DiTOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Architecture.Fit(options, Shape(1, 8, 16, 24, condition: 1)));
        Assert.Equal(key, refusal.Key);
    }

    [Fact]
    public void Fit_refuses_cross_attention_to_nothing()
    {
        var refusal = Assert.Throws<PlanException>(
            () => Architecture.Fit(new DiTOptions { Conditioning = ImageConditioning.CrossAttn }, Shape(1, 8, 8, 8)));
        Assert.Equal("conditioning", refusal.Key);
    }

    public static TheoryData<string, DiTOptions> Gaps => new()
    {
        { "in_channels", new DiTOptions { OutChannels = 1, InputSize = 8, DepthSize = 8 } },
        { "out_channels", new DiTOptions { InChannels = 1, InputSize = 8, DepthSize = 8 } },
        { "input_size", new DiTOptions { InChannels = 1, OutChannels = 1, DepthSize = 8 } },
        { "depth_size", new DiTOptions { InChannels = 1, OutChannels = 1, InputSize = 8 } },
        {
            "condition_channels",
            new DiTOptions { InChannels = 1, OutChannels = 1, InputSize = 8, DepthSize = 8, Conditioning = ImageConditioning.CrossAttn }
        },
        { "patch_size", new DiTOptions { InChannels = 1, OutChannels = 1, InputSize = 8, DepthSize = 7 } },
    };

    [Theory]
    [MemberData(nameof(Gaps), DisableDiscoveryEnumeration = true)]
    public void Create_refuses_what_fit_would_have_completed_or_refused(string key, DiTOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Architecture.Create(options, Contexts.Meta));
        Assert.Equal(key, refusal.Key);
    }

    private static DiffusionShape Shape(int channels, int depth, int height, int width, int condition = 0)
    {
        var volume = new VolumeShape(channels, depth, height, width);
        return new DiffusionShape(volume, volume, condition);
    }
}
