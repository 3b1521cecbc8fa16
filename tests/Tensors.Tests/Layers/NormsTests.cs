using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Tests.Layers;

public sealed class NormsTests
{
    [Fact]
    public void GroupNorm_fresh_starts_with_weight_one_and_bias_zero()
    {
        for (var i = 0; i < 200; i++)
        {
            using var norm = Norms.GroupNorm(4, 32 + 32 * (i % 4));
            Assert.All(norm.weight!.data<float>().ToArray(), w => Assert.Equal(1f, w));
            Assert.All(norm.bias!.data<float>().ToArray(), b => Assert.Equal(0f, b));
        }
    }

    [Fact]
    public void GroupNorm_with_groups_that_do_not_divide_is_refused() =>
        Assert.Contains("30 channels do not divide into 4 groups", Assert.Throws<ArgumentException>(() => Norms.GroupNorm(4, 30)).Message);

    [Fact]
    public void RmsNorm_normalises_each_voxel_over_the_channels()
    {
        using var scope = NewDisposeScope();
        using var norm = new RmsNorm(2, eps: 0.5, bias: true);
        norm.load_state_dict(new() { ["weight"] = tensor(new[] { 2f, 3f }), ["bias"] = tensor(new[] { 10f, 20f }) });
        var y = norm.forward(tensor(new[] { 3f, 1f, 4f, -1f }).view(1, 2, 1, 1, 2));
        // voxel 0: channels (3, 4), mean square 12.5; voxel 1: (1, -1), mean square 1
        float a = MathF.Sqrt(13f), b = MathF.Sqrt(1.5f);
        Assert.Equal([10 + 6 / a, 10 + 2 / b, 20 + 12 / a, 20 - 3 / b], y.data<float>().ToArray(), Near);
    }

    [Fact]
    public void RmsNorm_keys_are_weight_and_bias()
    {
        using var norm = new RmsNorm(4, bias: true);
        using var plain = new RmsNorm(4);
        Assert.Equal(["weight", "bias"], norm.state_dict().Keys);
        Assert.Equal(["weight"], plain.state_dict().Keys);
    }

    [Fact]
    public void RmsNorm_outlives_the_scope_in_which_it_is_built()
    {
        RmsNorm norm;
        using (NewDisposeScope())
            norm = new RmsNorm(4, bias: true);
        using (norm)
            Assert.All(norm.parameters(), parameter => Assert.False(parameter.IsInvalid));
    }

    [Fact]
    public void RmsNorm_of_float16_does_not_overflow_and_keeps_the_dtype()
    {
        using var scope = NewDisposeScope();
        using var norm = new RmsNorm(2);
        var y = norm.forward((ones(1, 2, 3) * S(1000.0)).to_type(ScalarType.Float16));
        Assert.Equal(ScalarType.Float16, y.dtype);
        Assert.All(y.to_type(ScalarType.Float32).data<float>().ToArray(), v => Assert.Equal(1f, v, 0.01f));
    }

    private static bool Near(float expected, float actual) => MathF.Abs(expected - actual) < 1e-5f;
}
