using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>A distance between two sets of features, given as such or made of volumes by an extractor.</summary>
internal abstract class FeatureMetric(FeatureMetricOptions options, PartContext context) : Metric
{
    private readonly FeatureExtractor? _extractor = FeatureExtractor.Create(options.Extractor, context);

    public override MetricInputKind Needs => _extractor is null ? MetricInputKind.Features : MetricInputKind.Volumes;

    public override bool HigherIsBetter => false;

    protected Bootstrap Bootstrap { get; } = new(options);

    public override MetricResult Compute(Tensor real, Tensor generated)
    {
        using var gradient = no_grad();
        using var scope = NewDisposeScope();
        List<string> warnings = [];
        var (x, y) = (Features(real, "real"), Features(generated, "generated"));
        if (x.shape[1] != y.shape[1])
            throw new ArgumentException($"real features have {x.shape[1]} dimensions and generated ones {y.shape[1]}; one extractor must have made both");
        if (_extractor is not null && !real.shape[1..].SequenceEqual(generated.shape[1..]))
            warnings.Add($"real volumes are {Shape(real)} and generated ones {Shape(generated)}: part of the distance is the difference in size");

        var result = Compare(x, y, warnings);
        var sizes = new Dictionary<string, double> { ["n_real"] = x.shape[0], ["n_generated"] = y.shape[0], ["dimensions"] = x.shape[1] };
        return result with { Details = sizes.Concat(result.Details).ToDictionary(), Warnings = warnings, Extractor = _extractor?.Id };
    }

    /// <summary>Compares features, finite float64 <c>[n, d]</c> with n at least 2; called in a dispose scope.</summary>
    protected abstract MetricResult Compare(Tensor real, Tensor generated, List<string> warnings);

    private Tensor Features(Tensor given, string set)
    {
        if (given.dim() != (_extractor is null ? 2 : 5))
            throw new ArgumentException(
                $"the {set} set is {Shape(given)}, expected {(_extractor is null ? "features [n, d]; set `extractor` to compare volumes" : "volumes [N, C, D, H, W]")}");
        if (given.numel() == 0)
            throw new ArgumentException($"there is nothing to compare in the {set} set of {Shape(given)}");
        var features = (_extractor is null ? given : _extractor.Rows(given)).to_type(ScalarType.Float64);
        if (features.shape[0] < 2)
            throw new ArgumentException($"the {set} set has {features.shape[0]} feature vector; a distance between distributions needs 2 or more");
        var broken = features.numel() - features.isfinite().sum().ToInt64();
        return broken == 0
            ? features
            : throw new ArgumentException($"{broken} of {features.numel()} values of the {set} features are not finite numbers");
    }

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
