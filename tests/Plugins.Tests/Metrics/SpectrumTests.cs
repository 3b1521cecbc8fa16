using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class SpectrumTests
{
    private static readonly double Double = 20 * Math.Log10(2);

    private static Metric Spectrum => new SpectrumMetric().Create(new() { Bands = 4 }, Contexts.Cpu);

    /// <summary>A wave of so many cycles along one axis.</summary>
    private static Tensor Wave(int axis, int cycles)
    {
        var length = 24 - 4 * axis; // axes of different lengths
        long[] along = [1, 1, 1, 1, 1];
        along[2 + axis] = length;
        var angles = arange(S((double)length), ScalarType.Float64) * S(2 * Math.PI * cycles / length);
        return angles.cos().view(along).expand(1, 1, 24, 20, 16).to(ScalarType.Float32);
    }

    [Fact]
    public void Half_the_contrast_is_six_decibels_less_in_every_band()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var real = rand([3, 2, 24, 20, 16]);

        var result = Spectrum.Compute(real, real * S(0.5) + ones([1]) * S(0.2)); // brightness is no detail

        Assert.Equal(Double, result.Value, 1e-4);
        Assert.All(Enumerable.Range(0, 4), band => Assert.Equal(-Double, result.Details[$"band_{band}"], 1e-4));
    }

    // 3 of 24, 5 of 20 and 8 of 16 voxels: 0.125, 0.25 and 0.5 cycles a voxel, the upper ends of the bands 0, 1 and 3
    [Theory]
    [InlineData(0, 3, 0)]
    [InlineData(1, 5, 1)]
    [InlineData(2, 8, 3)]
    public void Wave_of_twice_the_height_is_six_decibels_more_in_its_band(int axis, int cycles, int band)
    {
        using var scope = NewDisposeScope();
        var waves = Wave(0, 3) + Wave(1, 5) + Wave(2, 8);

        var result = Spectrum.Compute(waves, waves + Wave(axis, cycles));

        Assert.All(Enumerable.Range(0, 4), each => Assert.Equal(each == band ? Double : 0, result.Details[$"band_{each}"], 1e-3));
        Assert.Equal(Double / 4, result.Value, 1e-3);
    }

    [Fact]
    public void Constant_real_volumes_are_refused()
    {
        using var scope = NewDisposeScope();
        var constant = zeros([2, 1, 8, 8, 8]);
        var refusal = Assert.Throws<ArgumentException>(() => Spectrum.Compute(constant, rand_like(constant)));
        Assert.Contains("constant", refusal.Message, StringComparison.Ordinal);
    }
}
