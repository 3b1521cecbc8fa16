using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class MetricValuesTests
{
    private static MetricValues Of(params double[] values) => MetricValues.Of("m", values, [.. values.Select((_, i) => $"p{i}")]);

    [Fact]
    public void Numbers_have_a_mean() => Assert.Equal((2.5, null), (Of(1, 4).Mean, Of(1, 4).Reason));

    [Fact]
    public void Volume_without_a_number_is_named_and_leaves_no_mean_of_the_others()
    {
        var values = Of(1, double.NaN, 3);
        Assert.Equal((null, "m is not a number (NaN) for p1, so it has no mean"), (values.Mean, values.Reason));
        Assert.Equal([1, null, 3], values.Values);
    }

    [Fact]
    public void Many_volumes_are_counted() =>
        Assert.Contains("p0, p1, p2, p3, p4 and 2 more", Of([.. Enumerable.Repeat(double.NaN, 7)]).Reason, StringComparison.Ordinal);

    // of equal volumes psnr is infinite
    [Fact]
    public void Infinity_is_a_value() =>
        Assert.Equal((double.PositiveInfinity, null), (Of(20, double.PositiveInfinity).Mean, Of(20, double.PositiveInfinity).Reason));

    [Fact]
    public void Infinities_of_both_signs_have_no_mean() => Assert.NotNull(Of(double.NegativeInfinity, double.PositiveInfinity).Reason);
}
