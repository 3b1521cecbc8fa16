using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>Metrics of which a few voxels can be counted by hand.</summary>
public sealed class MaskMetricTests
{
    private static Metric Mse() => ((IMetric<MseOptions>)new MseMetric()).Create(new(), Contexts.Cpu);

    private static Metric Dice(double smooth = 1) =>
        ((IMetric<MaskOptions>)new DiceMetric()).Create(new() { Smooth = smooth }, Contexts.Cpu);

    private static Metric Iou(double smooth = 1) => ((IMetric<MaskOptions>)new IouMetric()).Create(new() { Smooth = smooth }, Contexts.Cpu);

    [Fact]
    public void Mse_of_a_constant_error_is_its_square_for_each_volume()
    {
        using var scope = NewDisposeScope();
        var x = rand([2, 1, 4, 4, 4]);
        var y = x + tensor(new[] { 0.5f, -2f }).view(2, 1, 1, 1, 1);

        var result = Mse().Compute(x, y);

        Assert.Equal(0.25, result.Values[0], 1e-6);
        Assert.Equal(4, result.Values[1], 1e-5);
        Assert.Equal(2.125, result.Value, 1e-5);
        Assert.False(Mse().HigherIsBetter);
    }

    [Fact]
    public void L1_of_a_constant_error_is_its_size_for_each_volume()
    {
        using var scope = NewDisposeScope();
        var x = rand([2, 1, 4, 4, 4]);
        var y = x + tensor(new[] { 0.5f, -2f }).view(2, 1, 1, 1, 1);

        var result = ((IMetric<L1Options>)new L1Metric()).Create(new(), Contexts.Cpu).Compute(x, y);

        Assert.Equal(0.5, result.Values[0], 1e-6);
        Assert.Equal(2, result.Values[1], 1e-6);
        Assert.Equal(1.25, result.Value, 1e-6);
    }

    // 6 and 5 voxels with 3 in common, of 8 in all
    public static TheoryData<Metric, double> Counted => new()
    {
        { Dice(), 7.0 / 12 }, { Dice(0), 6.0 / 11 }, { Dice(9), 15.0 / 20 },
        { Iou(), 4.0 / 9 }, { Iou(0), 3.0 / 8 }, { Iou(9), 12.0 / 17 },
    };

    [Theory]
    [MemberData(nameof(Counted), DisableDiscoveryEnumeration = true)]
    public void Overlap_is_the_counted_one(Metric metric, double expected)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor(new[] { 1f, 1, 1, 1, 1, 1, 0, 0 }), tensor(new[] { 1f, 1, 1, 0, 0, 0, 1, 1 }));
        Assert.Equal(expected, metric.Compute(x.view(1, 1, 2, 2, 2), y.view(1, 1, 2, 2, 2)).Value, 1e-12);
    }

    [Fact]
    public void Voxel_belongs_to_a_mask_above_one_half_only()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor(new[] { 0.51f, 0.5f, 3f, -7f }).view(1, 1, 1, 2, 2), tensor(new[] { 1f, 0, 1, 0 }).view(1, 1, 1, 2, 2));
        Assert.Equal(1, Dice(0).Compute(x, y).Value);
        Assert.Equal(1, Iou(0).Compute(x, y).Value);
    }

    [Fact]
    public void Empty_masks_match_whatever_the_smooth_term()
    {
        using var scope = NewDisposeScope();
        var empty = zeros([2, 1, 3, 3, 3]);
        Assert.All([Dice(), Dice(0), Iou(), Iou(0)], metric => Assert.Equal([1, 1], metric.Compute(empty, empty).Values));
    }

    [Fact]
    public void Each_volume_has_its_own_overlap()
    {
        using var scope = NewDisposeScope();
        var x = ones([2, 2, 3, 3, 3]);
        var y = cat([ones([1, 2, 3, 3, 3]), zeros([1, 2, 3, 3, 3])]);
        Assert.Equal([1, 1.0 / 55], Dice().Compute(x, y).Values);
        Assert.Equal([1, 1.0 / 55], Iou().Compute(x, y).Values);
    }

    [Fact]
    public void More_voxels_than_float32_counts_are_counted()
    {
        using var scope = NewDisposeScope();
        var x = ones([1, 1, 257, 256, 256]);
        var y = x.clone();
        y[0, 0, 0, 0, 0] = tensor(0f);
        var n = 257.0 * 256 * 256;
        Assert.Equal((n - 1) / n, Iou(0).Compute(x, y).Value, 1e-15);
    }

    [Fact]
    public void Overlap_is_symmetric()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (rand([1, 1, 8, 8, 8]), rand([1, 1, 8, 8, 8]) * S(0.8));
        Assert.Equal(Dice().Compute(x, y).Value, Dice().Compute(y, x).Value);
        Assert.Equal(Iou().Compute(x, y).Value, Iou().Compute(y, x).Value);
    }

    [Fact]
    public void Values_that_are_no_mask_are_named_with_the_volumes_that_have_them()
    {
        using var scope = NewDisposeScope();
        var mask = tensor(new[] { 0f, 1, 1, 0, 0, 0, 1, 0 }).view(1, 1, 2, 2, 2);
        var odd = tensor(new[] { 0f, 1, 0.25f, 0, -3, 0, 1, 2 }).view(1, 1, 2, 2, 2);
        foreach (var metric in new[] { Dice(), Iou() })
        {
            Assert.Empty(metric.Compute(mask, mask).Warnings);
            Assert.Equal(
                "3 of the 8 values of generated are neither 0 nor 1, as those of a mask are: they run from -3 to 2, "
                + "and a voxel belongs to the mask where it is above 0.5",
                Assert.Single(metric.Compute(mask, odd).Warnings));
            Assert.Contains("of reference", Assert.Single(metric.Compute(odd, mask).Warnings), StringComparison.Ordinal);
        }
    }
}
