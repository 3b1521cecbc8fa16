using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Tests.Plans;

/// <summary>What is expected of generated volumes.</summary>
public sealed class ExpectOptionsTests
{
    private static readonly ExpectOptions Expected = new()
    {
        Generated = new Dictionary<string, double> { ["sharpness"] = 0.5, ["fid"] = 10 },
    };

    private static readonly MetricOrder More = new(HigherIsBetter: true), Less = default;

    [Fact]
    public void Nothing_is_expected_by_default() => Assert.Null(new ExpectOptions().MissedBy([]));

    [Theory]
    [InlineData(0.5, 10.0, null)]
    [InlineData(0.49, 10.0, "sharpness of generated volumes against test is 0.49, expected is at least 0.5")]
    [InlineData(0.7, 10.5, "fid of generated volumes against test is 10.5, expected is at most 10")]
    [InlineData(null, 10.0, "sharpness of generated volumes against test is missing, expected is at least 0.5")]
    public void Every_split_has_to_reach_it(double? sharpness, double fid, string? missed) =>
        Assert.Equal(
            missed,
            Expected.MissedBy([("sharpness", "train", 0.9, More), ("sharpness", "test", sharpness, More), ("fid", "test", fid, Less)]));

    [Theory]
    [InlineData(0.5, null)]
    [InlineData(1.5, null)]
    [InlineData(0.49, "sharpness of generated volumes against test is 0.49, expected is no further from 1 than 0.5")]
    [InlineData(1.6, "sharpness of generated volumes against test is 1.6, expected is no further from 1 than 0.5")]
    public void Best_value_has_to_be_as_near_as_the_bound(double sharpness, string? missed) =>
        Assert.Equal(missed, Expected.MissedBy([("sharpness", "test", sharpness, new MetricOrder(false, 1)), ("fid", "test", 1, Less)]));

    [Fact]
    public void What_was_not_measured_is_missed() =>
        Assert.Equal(
            "sharpness of generated volumes was not measured, and is expected; add it to evaluation.metrics",
            Expected.MissedBy([("fid", "test", 1, Less)]));
}
