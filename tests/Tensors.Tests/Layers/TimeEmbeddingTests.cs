using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Layers;

public sealed class TimeEmbeddingTests
{
    [Theory]
    [InlineData(8, 10000)]
    [InlineData(6, 100)]
    public void Sinusoidal_equals_the_formula_in_float64(int dimension, double maxPeriod)
    {
        using var scope = NewDisposeScope();
        float[] times = [0f, 0.5f, 999.75f];
        var embedding = TimeEmbedding.Sinusoidal(tensor(times), dimension, maxPeriod);
        Assert.Equal([3, dimension], embedding.shape);
        var half = dimension / 2;
        for (var b = 0; b < times.Length; b++)
            for (var i = 0; i < half; i++)
            {
                var angle = times[b] * Math.Exp(-Math.Log(maxPeriod) * i / half);
                // angles near 1000 carry a float32 rounding of 6e-5
                Assert.Equal(Math.Cos(angle), embedding[b, i].item<float>(), 2e-4);
                Assert.Equal(Math.Sin(angle), embedding[b, half + i].item<float>(), 2e-4);
            }
    }

    [Fact]
    public void Sinusoidal_of_odd_dimension_ends_in_zero()
    {
        using var scope = NewDisposeScope();
        var embedding = TimeEmbedding.Sinusoidal(tensor(new[] { 3f, 7f }), 5);
        Assert.Equal([2, 5], embedding.shape);
        Assert.Equal([0f, 0f], embedding[.., 4].data<float>().ToArray());
    }

    [Fact]
    public void Sinusoidal_of_integer_timesteps_is_float32_and_equals_that_of_floats()
    {
        using var scope = NewDisposeScope();
        var whole = TimeEmbedding.Sinusoidal(tensor(new[] { 17L, 903L }), 8);
        var real = TimeEmbedding.Sinusoidal(tensor(new[] { 17f, 903f }), 8);
        Assert.Equal(ScalarType.Float32, whole.dtype);
        Assert.Equal(real.data<float>().ToArray(), whole.data<float>().ToArray());
    }

    [Fact]
    public void Sinusoidal_leaves_no_tensor_but_its_result()
    {
        using var times = tensor(new[] { 1f, 2f });
        using (TimeEmbedding.Sinusoidal(times, 8))
        {
        }

        var before = LiveTensors.Settled();
        using var embedding = TimeEmbedding.Sinusoidal(times, 8);
        Assert.Equal(before + 1, Tensor.TotalCount);
    }
}
