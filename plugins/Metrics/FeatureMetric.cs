using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>A distance between two sets of features, given as such or made of volumes by an extractor.</summary>
internal abstract class FeatureMetric(FeatureMetricOptions options, PartContext context) : SetMetric
{
    private readonly FeatureExtractor? _extractor = FeatureExtractor.Create(options.Extractor, context);

    public override MetricInputKind Needs => _extractor is null ? MetricInputKind.Features : MetricInputKind.Volumes;

    public override bool HigherIsBetter => false;

    public override string? Extractor => _extractor?.Id;

    protected Bootstrap Bootstrap { get; } = new(options);

    public override void Check(VolumeShape volume) => _extractor?.Check(volume);

    public override MetricResult Compute(Tensor real, Tensor generated)
    {
        using var gradient = no_grad();
        using var scope = NewDisposeScope();
        if (_extractor is null)
            return Compare(Given(real, "real", 2), Given(generated, "generated", 2));
        var result = Compare(Each(Given(real, "real", 5)), Each(Given(generated, "generated", 5)));
        return real.shape[1..].SequenceEqual(generated.shape[1..])
            ? result
            : result with
            {
                Warnings =
                [
                    $"real volumes are {Shape(real)} and generated ones {Shape(generated)}: part of the distance is the difference in size",
                    .. result.Warnings,
                ],
            };
    }

    public override Tensor Features(Tensor volumes)
    {
        using var gradient = no_grad();
        return _extractor is null
            ? throw new InvalidOperationException("without an extractor there are no features of volumes")
            : _extractor.Rows(volumes);
    }

    public override MetricResult Compare(Tensor real, Tensor generated) =>
        Compare(FeatureSet.OneRowEach(real), FeatureSet.OneRowEach(generated));

    public override MetricResult Compare(FeatureSet real, FeatureSet generated)
    {
        using var gradient = no_grad();
        using var scope = NewDisposeScope();
        List<string> warnings = [];
        var (x, y) = (Finite(real, "real"), Finite(generated, "generated"));
        var dimensions = x.Rows.shape[1];
        if (dimensions != y.Rows.shape[1])
            throw new ArgumentException(
                $"real features have {dimensions} dimensions and generated ones {y.Rows.shape[1]}; one extractor must have made both");
        var result = Compare(x, y, warnings);
        if (Bootstrap.Complaint(x, y) is { } complaint)
            warnings.Add(complaint);
        var sizes = new Dictionary<string, double>
        {
            ["n_real"] = x.Rows.shape[0],
            ["n_generated"] = y.Rows.shape[0],
            ["volumes_real"] = x.VolumeCount,
            ["volumes_generated"] = y.VolumeCount,
            ["dimensions"] = dimensions,
        };
        return result with { Details = sizes.Concat(result.Details).ToDictionary(), Warnings = warnings, Extractor = Extractor };
    }

    /// <summary>Compares features, finite float64 <c>[n, d]</c> with n at least 2; called in a dispose scope.</summary>
    protected abstract MetricResult Compare(FeatureSet real, FeatureSet generated, List<string> warnings);

    private FeatureSet Each(Tensor volumes) => FeatureSet.Of([.. volumes.split(1).Select(Features)]);

    private Tensor Given(Tensor given, string set, int dimensions)
    {
        if (given.dim() != dimensions)
            throw new ArgumentException(
                $"the {set} set is {Shape(given)}, "
                + $"expected {(_extractor is null ? "features [n, d]; set `extractor` to compare volumes" : "volumes [N, C, D, H, W]")}");
        if (given.numel() == 0)
            throw new ArgumentException($"there is nothing to compare in the {set} set of {Shape(given)}");
        if (dimensions == 5) // features are looked at where they are compared
            Metrics.Finite.Require(given, $"{set} volumes");
        return given;
    }

    protected static FeatureSet Finite(FeatureSet given, string set)
    {
        var features = given.Rows.to_type(ScalarType.Float64);
        if (features.shape[0] < 2)
            throw new ArgumentException(
                $"the {set} set has {features.shape[0]} feature vector; a distance between distributions needs 2 or more");
        if (features.shape[1] == 0)
            throw new ArgumentException($"there is nothing to compare in the {set} set of {Shape(features)}");
        var broken = features.numel() - features.isfinite().sum().ToInt64();
        return broken == 0
            ? new FeatureSet(features, given.Volumes.Select(volume => (long)volume))
            : throw new ArgumentException($"{broken} of {features.numel()} values of the {set} features are not finite numbers");
    }

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
