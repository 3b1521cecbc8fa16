using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Tests.Layers;

public sealed class TokenAttentionTests
{
    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    [InlineData(1)]
    public void Attention_is_what_its_formula_says(int headChannels)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var attention = new TokenAttention(8, headChannels);
        var w = Weights.Of(attention);
        var tokens = randn(2, 5, 8);

        var heads = new[] { "to_q", "to_k", "to_v" }
            .Select(key => F.linear(tokens, w[$"{key}.weight"], w[$"{key}.bias"]).view(2, 5, -1, headChannels)).ToArray();
        var weights = F.softmax(einsum("bnhd,bmhd->bhnm", heads[0], heads[1]) / S(Math.Sqrt(headChannels)), 3);
        var joined = einsum("bhnm,bmhd->bnhd", weights, heads[2]).reshape(2, 5, 8);
        var expected = F.linear(joined, w["out_proj.weight"], w["out_proj.bias"]);

        Assert.True((attention.call(tokens) - expected).abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void Heads_that_do_not_divide_the_channels_are_refused() =>
        Assert.Contains(
            "8 channels do not divide into heads of 3", Assert.Throws<ArgumentException>(() => new TokenAttention(8, 3)).Message);
}
