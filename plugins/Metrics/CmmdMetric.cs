using System.ComponentModel.DataAnnotations;
using System.Globalization;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>cmmd</c>.</summary>
public sealed record CmmdOptions : FeatureMetricOptions
{
    /// <summary>
    /// Width of the Gaussian kernel. Default: the median distance between two of the first 500 real and first 500 generated
    /// features, equal ones left out, and at least 0.1; in an evaluation and in a sweep, where several generated sets are compared with
    /// one real set, of the real features alone. The paper has 10.
    /// </summary>
    [Range(1e-3, 1e6)]
    public double? Sigma { get; init; }

    /// <summary>Features of each set that are compared; of a larger set a random choice. Default 10000.</summary>
    [Range(2, int.MaxValue)]
    public int MaxSamples { get; init; } = 10_000;

    /// <summary>Seed of that choice. Default 0.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; }
}

/// <summary>
/// Maximum mean discrepancy of normalised features under a Gaussian kernel (Jayasumana et al., arXiv:2401.09603), as
/// <c>√max(0, MMD²)</c> of the unbiased MMD². The detail <c>mmd2</c> is that square; the paper reports 1000 of it at sigma 10.
/// </summary>
[Metric("cmmd", Summary = "Gaussian-kernel discrepancy of two sets of normalised features; lower is better.")]
public sealed class CmmdMetric : IMetric<CmmdOptions>
{
    private const int MedianOf = 500;
    private const double SmallestSigma = 0.1;

    /// <inheritdoc/>
    public Metric Create(CmmdOptions options, PartContext context) => new Cmmd(options, context);

    /// <inheritdoc/>
    public IReadOnlyList<string> Networks(CmmdOptions options) => FeatureExtractor.Networks(options.Extractor);

    private sealed class Cmmd(CmmdOptions options, PartContext context) : FeatureMetric(options, context)
    {
        private double? _sigma = options.Sigma;

        public override SetMetric FixedBy(FeatureSet real)
        {
            if (_sigma is not null)
                return this;
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            using var random = new Generator((ulong)options.Seed, CPU);
            var same = (Cmmd)MemberwiseClone(); // the extractor is the same, too
            same._sigma = MedianDistance(Choose(Finite(real, "real"), random).Rows);
            return same;
        }

        protected override MetricResult Compare(FeatureSet real, FeatureSet generated, List<string> warnings)
        {
            using var random = new Generator((ulong)options.Seed, CPU);
            var (x, y) = (Choose(real, random), Choose(generated, random));
            var sigma = _sigma ?? MedianDistance(x.Rows, y.Rows);
            var (xWeights, yWeights) = Bootstrap.Weights(x, y);
            var (square, resamples) = new MeanDiscrepancy((a, b) => Gaussian(a, b, sigma)).Squared(xWeights, yWeights);
            var interval = Bootstrap.About(square, resamples);
            return new(Root(square), [Root(square)])
            {
                Interval = interval is null ? null : interval with { Low = Root(interval.Low), High = Root(interval.High) },
                Details = new Dictionary<string, double> { ["mmd2"] = square, ["sigma"] = sigma },
                Basis = options.Sigma is null ? string.Create(CultureInfo.InvariantCulture, $"sigma {sigma:G6}") : null,
            };
        }

        /// <summary>Normalised features, of a larger set a random choice.</summary>
        private FeatureSet Choose(FeatureSet set, Generator random)
        {
            if (set.Rows.shape[0] <= options.MaxSamples)
                return new(Normalise(set.Rows), set.Volumes.Select(volume => (long)volume));
            var chosen = randperm(set.Rows.shape[0], generator: random)[..options.MaxSamples];
            var rows = set.Rows.index_select(0, chosen.to(set.Rows.device));
            return new(Normalise(rows), chosen.data<long>().Select(row => (long)set.Volumes[(int)row]));
        }
    }

    private static double Root(double square) => Math.Sqrt(Math.Max(0, square));

    // a vector of zeros stays one
    private static Tensor Normalise(Tensor features) => features / features.square().sum(1, keepdim: true).sqrt().clamp_min(S(1e-12));

    private static Tensor Gaussian(Tensor x, Tensor y, double sigma) => (SquaredDistances(x, y) * S(-0.5 / (sigma * sigma))).exp();

    private static Tensor SquaredDistances(Tensor x, Tensor y) =>
        x.square().sum(1, keepdim: true) + y.square().sum(1) - x.matmul(y.t()) * S(2.0);

    /// <summary>The median distance between two of the first features of all sets.</summary>
    private static double MedianDistance(params Tensor[] sets)
    {
        using var scope = NewDisposeScope();
        var some = cat([.. sets.Select(set => set[..(int)Math.Min(MedianOf, set.shape[0])])], 0);
        var squares = SquaredDistances(some, some).triu(1);
        // unit vectors this close are equal but for rounding
        var apart = squares.masked_select(squares.gt(S(1e-12)));
        return apart.numel() == 0 ? SmallestSigma : Math.Max(SmallestSigma, Math.Sqrt(apart.median().ToDouble()));
    }
}
