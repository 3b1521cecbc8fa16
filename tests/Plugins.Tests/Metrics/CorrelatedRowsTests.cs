using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>
/// Features that are several rows of each volume, as slices are: ten rows of each of a hundred volumes, N(0, 1) altogether, of which a
/// part of 0.9 is the volume's own and common to its rows. So a thousand rows know hardly more than a hundred.
/// </summary>
public sealed class CorrelatedRowsTests
{
    private const int Volumes = 100, Rows = 10, Experiments = 120;
    private const double Common = 0.9;

    private static Tensor Values(double mean = 0, double deviation = 1) =>
        (Normal(Volumes, 1).repeat_interleave(Rows, 0) * S(Math.Sqrt(Common)) + Normal(Volumes * Rows, 1) * S(Math.Sqrt(1 - Common)))
            * S(deviation) + S(mean);

    private static FeatureSet ByVolume(Tensor rows) => new(rows, Enumerable.Range(0, Volumes * Rows).Select(row => (long)row / Rows));

    private static double Coverage(SetMetric metric, double truth, Func<double, FeatureSet> draw, int experiments = Experiments) =>
        Intervals.Coverage(experiments, truth, () => metric.Compare(draw(0), draw(1)));

    // N(0, 1) and N(1, 1) are 1 apart
    [Fact]
    public void Interval_of_fid_covers_as_often_as_it_says_only_where_volumes_are_weighed()
    {
        using var scope = NewDisposeScope();
        manual_seed(51);
        Assert.InRange(Coverage((SetMetric)Fid(), 1, mean => ByVolume(Values(mean))), 0.90, 0.985);
        Assert.InRange(Coverage((SetMetric)Fid(), 1, mean => FeatureSet.OneRowEach(Values(mean)), Experiments / 4), 0, 0.7);
    }

    // Σ C(3, k) (E xᵏ − E yᵏ)² = 22, as for independent rows; those of one volume are in the means within a set, which lifts the value by
    // a hundredth of theirs
    [Fact]
    public void Interval_of_kid_covers_as_often_as_it_says_only_where_volumes_are_weighed()
    {
        using var scope = NewDisposeScope();
        manual_seed(52);
        var kid = (SetMetric)Kid(new() { SubsetSize = "all" });
        Assert.InRange(Coverage(kid, 22, mean => ByVolume(Values(mean))), 0.88, 0.985);
        Assert.InRange(Coverage(kid, 22, mean => FeatureSet.OneRowEach(Values(mean)), Experiments / 4), 0, 0.7);
    }

    // unit vectors at angles N(m, 0.3): squared distances are 2 − 2cos of the difference of angles, which is N(Δm, 2·0.3²)
    [Fact]
    public void Interval_of_cmmd_covers_as_often_as_it_says_only_where_volumes_are_weighed()
    {
        using var scope = NewDisposeScope();
        manual_seed(53);
        var cmmd = (SetMetric)Cmmd(new() { Sigma = 1 });
        var truth = Math.Sqrt(2 * MeanKernel(0) - 2 * MeanKernel(1));
        Assert.InRange(Coverage(cmmd, truth, mean => ByVolume(Circle(mean))), 0.88, 0.985);
        Assert.InRange(Coverage(cmmd, truth, mean => FeatureSet.OneRowEach(Circle(mean)), Experiments / 4), 0, 0.7);

        static Tensor Circle(double mean)
        {
            var angles = Values(mean, 0.3);
            return cat([angles.cos(), angles.sin()], 1);
        }

        static double MeanKernel(double apart) => Enumerable.Range(-4000, 8001).Select(i => i / 500.0).Sum(z =>
            Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI) / 500 * Math.Exp(Math.Cos(apart + 0.3 * Math.Sqrt(2) * z) - 1));
    }

    public static TheoryData<Metric> All => [Fid(), Kid(), Kid(new() { SubsetSize = "all" }), Cmmd()];

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Volumes_change_the_interval_and_not_the_value_and_are_counted(Metric metric)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Values(), Values(1));
        if (metric.GetType() == Cmmd().GetType())
            (x, y) = (cat([x, x * x], 1), cat([y, y * y], 1));
        var (alone, together) = (metric.Compute(x, y), ((SetMetric)metric).Compare(ByVolume(x), ByVolume(y)));

        Assert.Equal(alone.Value, together.Value);
        Assert.True(Width(together) > 1.5 * Width(alone), $"{Width(together)} of volumes, {Width(alone)} of rows");
        Assert.Equal((1000.0, 1000.0), (alone.Details["n_real"], alone.Details["volumes_real"]));
        Assert.Equal((1000.0, 100.0), (together.Details["n_real"], together.Details["volumes_real"]));
        Assert.Equal(100, together.Details["volumes_generated"]);

        double Width(MetricResult result) => result.Interval!.High - result.Interval.Low;
    }

    public static TheoryData<Metric> OfWholeSets => [Fid(), Kid(new() { SubsetSize = "all" }), Cmmd()];

    [Theory]
    [MemberData(nameof(OfWholeSets), DisableDiscoveryEnumeration = true)]
    public void Rows_of_a_volume_need_not_lie_together(Metric metric)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(60, 3), Normal(60, 3, 1));
        long[] order = [.. Enumerable.Range(0, 60).Select(row => (long)row).OrderBy(row => row % 6)];
        var together = new FeatureSet(x, order.Order().Select(row => row / 6));
        var apart = new FeatureSet(x.index_select(0, tensor(order)), order.Select(row => row / 6));

        var first = ((SetMetric)metric).Compare(together, together).Interval!;
        var second = ((SetMetric)metric).Compare(together, apart).Interval!;

        Assert.Equal(first.Low, second.Low, 1e-9);
        Assert.Equal(first.High, second.High, 1e-9);
        Assert.Throws<ArgumentException>(() => new FeatureSet(y, [1, 2]));
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void One_volume_has_a_value_and_says_why_it_has_no_interval(Metric metric)
    {
        using var scope = NewDisposeScope();
        var result = ((SetMetric)metric).Compare(new FeatureSet(Normal(120, 3), new long[120]), FeatureSet.OneRowEach(Normal(120, 3, 1)));
        Assert.Null(result.Interval);
        Assert.True(double.IsFinite(result.Value));
        Assert.Contains("no interval: it is made by weighing volumes, and there is one in the real set", result.Warnings);
    }

    // by volume, two covariances at once and all; fewer rows than dimensions; each row a volume. The definition takes the rows as they are
    [Theory]
    [InlineData(200, 20, 3, 2 * 9 * sizeof(double))]
    [InlineData(200, 20, 3, 1 << 20)]
    [InlineData(30, 3, 40, 1 << 20)]
    [InlineData(90, 90, 5, 1 << 20)]
    public void Moments_of_resamples_are_those_of_the_weighted_rows(int rows, int volumes, int dimensions, long bytes)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var features = Normal(rows, dimensions, 5) * linspace(0.1, 2, dimensions, ScalarType.Float64);
        features[TensorIndex.Colon, 1] = tensor(0.25); // never differs, so that the covariance is singular
        var set = new FeatureSet(features, Enumerable.Range(0, rows).Select(row => (long)(row * 7 % rows) % volumes));
        var weights = FeatureWeights.Draw(set, 4, random);
        using var moments = new WeightedMoments(weights, bytes);
        for (var resample = 0; resample < 5; resample++)
        {
            var w = weights.OfRows()[resample];
            var mean = (features * w.unsqueeze(1)).sum(0L);
            var covariance = (features - mean).t().matmul((features - mean) * w.unsqueeze(1)) / S(1 - w.square().sum().ToDouble());

            var (actual, factor) = moments.Of(resample);

            Assert.True(Reference.Difference(actual, mean) < 1e-12);
            Assert.True(Reference.Difference(factor.t().matmul(factor), covariance) < 1e-10);
        }
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Features_and_their_volumes_leave_no_tensors_behind(Metric metric)
    {
        using var scope = NewDisposeScope();
        var x = new FeatureSet(Normal(60, 3), Enumerable.Range(0, 60).Select(row => (long)row / 10));
        var y = FeatureSet.OneRowEach(Normal(60, 3));
        ((SetMetric)metric).Compare(x, y);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ((SetMetric)metric).Compare(x, y);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
