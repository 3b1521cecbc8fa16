using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>What fid, kid and cmmd have in common.</summary>
public sealed class FeatureMetricTests
{
    public static TheoryData<Metric> All => [Fid(), Kid(), Kid(new() { SubsetSize = "all" }), Cmmd()];

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Result_has_sizes_and_an_interval_about_the_value(Metric metric)
    {
        using var scope = NewDisposeScope();
        var result = metric.Compute(Normal(150, 3), Normal(120, 3, 1));
        Assert.Equal((150.0, 120.0, 3.0), (result.Details["n_real"], result.Details["n_generated"], result.Details["dimensions"]));
        Assert.Equal(0.95, result.Interval!.Level);
        Assert.True(result.Interval.Low < result.Value && result.Value < result.Interval.High, $"{result}");
        Assert.Equal([result.Value], result.Values);
        Assert.Null(result.Extractor);
        Assert.Equal((MetricInputKind.Features, false), (metric.Needs, metric.HigherIsBetter));
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void More_features_narrow_the_interval(Metric metric)
    {
        using var scope = NewDisposeScope();
        manual_seed(41);
        Assert.True(Width(1600) < 0.5 * Width(100));

        double Width(int n) => metric.Compute(Normal(n, 3), Normal(n, 3, 1)).Interval is var interval ? interval!.High - interval.Low : 0;
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Same_features_give_the_same_result_whatever_the_global_seed(Metric metric)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(150, 3), Normal(120, 3, 1));
        manual_seed(1);
        var first = metric.Compute(x, y);
        manual_seed(2);
        var second = metric.Compute(x, y);
        Assert.Equal((first.Value, first.Interval), (second.Value, second.Interval));
        Assert.Equal(first.Details, second.Details);
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Precision_of_the_input_does_not_change_the_arithmetic(Metric metric)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(150, 3).to(ScalarType.Float32), Normal(120, 3, 1).to(ScalarType.Float32));
        Assert.Equal(metric.Compute(x.to(ScalarType.Float64), y.to(ScalarType.Float64)).Value, metric.Compute(x, y).Value);
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void What_cannot_be_compared_is_refused_with_numbers(Metric metric)
    {
        using var scope = NewDisposeScope();
        var x = Normal(10, 3);
        Refused("real features have 3 dimensions and generated ones 4", x, Normal(10, 4));
        Refused("the generated set has 1 feature vector", x, Normal(1, 3));
        Refused("there is nothing to compare in the real set of [0, 3]", x[..0], x);
        Refused("expected features [n, d]; set `extractor`", rand([2, 1, 16, 16, 16]), x);
        var broken = x.clone();
        broken[2, 1] = tensor(double.NaN);
        broken[7, 0] = tensor(double.PositiveInfinity);
        Refused("2 of 30 values of the generated features are not finite", x, broken);

        void Refused(string sentence, Tensor real, Tensor generated) =>
            Assert.Contains(sentence, Assert.Throws<ArgumentException>(() => metric.Compute(real, generated)).Message);
    }

    public static TheoryData<Metric> WithoutInterval =>
    [
        Fid(new() { Bootstrap = 0 }),
        Kid(new() { Bootstrap = 0 }),
        Kid(new() { Bootstrap = 0, SubsetSize = "all" }),
        Cmmd(new() { Bootstrap = 0 }),
    ];

    [Theory]
    [MemberData(nameof(WithoutInterval), DisableDiscoveryEnumeration = true)]
    public void Without_resamples_there_is_no_interval_and_nothing_to_warn_of(Metric metric)
    {
        using var scope = NewDisposeScope();
        var result = metric.Compute(Normal(150, 3), Normal(120, 3, 1));
        Assert.Null(result.Interval);
        Assert.Empty(result.Warnings);
        Assert.DoesNotContain("bias", result.Details.Keys);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(19)]
    public void Resamples_too_few_for_quantiles_are_refused(int resamples)
    {
        var refused = Assert.Throws<PlanException>(() => Fid(new() { Bootstrap = resamples }));
        Assert.Equal("bootstrap", refused.Key);
        Assert.Equal($"{resamples} resamples are too few for an interval; use 20 or more, or 0 for none", refused.Message);
    }

    public static TheoryData<Metric, Metric> ChangedValue => new()
    {
        { Kid(), Kid(new() { Subsets = 20 }) },
        { Kid(), Kid(new() { SubsetSize = "50" }) },
        { Kid(), Kid(new() { Seed = 1 }) },
        { Cmmd(), Cmmd(new() { Sigma = 10 }) },
        { Cmmd(), Cmmd(new() { MaxSamples = 100 }) },
        { Cmmd(new() { MaxSamples = 100 }), Cmmd(new() { MaxSamples = 100, Seed = 1 }) },
    };

    [Theory]
    [MemberData(nameof(ChangedValue), DisableDiscoveryEnumeration = true)]
    public void Options_of_the_value_change_it(Metric usual, Metric changed)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(150, 3), Normal(120, 3, 1));
        Assert.NotEqual(usual.Compute(x, y).Value, changed.Compute(x, y).Value);
    }

    public static TheoryData<Metric, Metric> ChangedInterval => new()
    {
        { Fid(), Fid(new() { BootstrapSeed = 1 }) },
        { Fid(), Fid(new() { Bootstrap = 50 }) },
        { Kid(), Kid(new() { BootstrapSeed = 1 }) },
        { Kid(), Kid(new() { Bootstrap = 50 }) },
        { Cmmd(), Cmmd(new() { BootstrapSeed = 1 }) },
        { Cmmd(), Cmmd(new() { Bootstrap = 50 }) },
    };

    [Theory]
    [MemberData(nameof(ChangedInterval), DisableDiscoveryEnumeration = true)]
    public void Options_of_the_interval_change_it_and_not_the_value(Metric usual, Metric changed)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(150, 3), Normal(120, 3, 1));
        var (first, second) = (usual.Compute(x, y), changed.Compute(x, y));
        Assert.NotEqual(first.Interval, second.Interval);
        Assert.Equal(first.Value, second.Value, 1e-12);
    }

    public static TheoryData<Metric, Metric> Confident => new()
    {
        { Fid(), Fid(new() { Confidence = 0.6 }) },
        { Kid(), Kid(new() { Confidence = 0.6 }) },
        { Cmmd(), Cmmd(new() { Confidence = 0.6 }) },
    };

    [Theory]
    [MemberData(nameof(Confident), DisableDiscoveryEnumeration = true)]
    public void Less_confidence_narrows_the_interval(Metric usual, Metric less)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(150, 3), Normal(120, 3, 1));
        var (wide, narrow) = (usual.Compute(x, y).Interval!, less.Compute(x, y).Interval!);
        Assert.True(wide.Low < narrow.Low && narrow.High < wide.High);
        Assert.Equal(0.6, narrow.Level);
    }

    [Fact]
    public void Metric_with_an_extractor_passes_the_conformance_checks() =>
        Assert.All(
            MetricConformance.Verify(new ScatteringFid(), Contexts.Cpu),
            check => Assert.True(check.Passed, $"{check.Name}: {check.Sentence}"));

    private sealed class ScatteringFid : IMetric<FidOptions>
    {
        public FidOptions Tiny => new() { Extractor = "scattering", Bootstrap = 20 };

        public Metric Create(FidOptions options, PartContext context) => new FidMetric().Create(options, context);
    }
}
