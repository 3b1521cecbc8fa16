using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Optimization;

public sealed class GradientsTests
{
    private static Parameter WithGradient(params float[] gradient)
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(zeros(gradient.Length));
        parameter.grad = tensor(gradient);
        return (Parameter)parameter.DetachFromDisposeScope();
    }

    [Fact]
    public void Norm_is_that_of_all_gradients_as_one_vector()
    {
        using var a = WithGradient(3f, 0f);
        using var b = WithGradient(4f);
        using var none = new Parameter(zeros(5));
        Assert.Equal(5.0, Gradients.Norm([a, none, b]), 1e-6);
    }

    [Fact]
    public void Norm_without_gradients_is_zero() => Assert.Equal(0.0, Gradients.Norm([]));

    [Fact]
    public void Clip_scales_to_the_largest_norm_and_returns_the_norm_before()
    {
        using var a = WithGradient(3f, 0f);
        using var b = WithGradient(4f);
        Assert.Equal(5.0, Gradients.Clip([a, b], 0.5), 1e-6);
        Assert.Equal(0.3f, a.grad!.data<float>()[0], 1e-6f);
        Assert.Equal(0.4f, b.grad!.data<float>()[0], 1e-6f);
    }

    [Fact]
    public void Clip_below_the_largest_norm_changes_nothing()
    {
        using var a = WithGradient(3f, 4f);
        Assert.Equal(5.0, Gradients.Clip([a], 5.5), 1e-6);
        Assert.Equal([3f, 4f], a.grad!.data<float>().ToArray());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Clip_of_a_non_finite_gradient_reports_it_and_leaves_the_others(float bad)
    {
        using var a = WithGradient(1f, bad);
        using var b = WithGradient(2f);
        Assert.False(double.IsFinite(Gradients.Clip([a, b], 0.5)));
        Assert.Equal(2f, b.grad!.item<float>());
    }

    [Fact]
    public void Clip_leaves_no_tensor_behind()
    {
        using var a = WithGradient(3f, 4f);
        var before = LiveTensors.Settled();
        Gradients.Clip([a], 0.5);
        Assert.Equal(before, Tensor.TotalCount);
    }
}
