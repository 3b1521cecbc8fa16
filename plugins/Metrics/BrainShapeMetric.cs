using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>brain_shape</c>.</summary>
public sealed record BrainShapeOptions
{
    /// <summary>What is brighter than this is brain. Default 0.05.</summary>
    [Range(0.0, 1.0)]
    public double Threshold { get; init; } = 0.05;

    /// <summary>Blocks along each axis on which shapes are compared. Default 24.</summary>
    [Range(4, 128)]
    public int Grid { get; init; } = 24;

    /// <summary>Principal components of which a shape is put together, at most; there are fewer than real volumes. Default 10.</summary>
    [Range(1, 1000)]
    public int Components { get; init; } = 10;

    /// <summary>
    /// A shape is valid where its error is no larger than this quantile of the errors of real volumes, each put together from the
    /// components of the others. Default 0.95.
    /// </summary>
    [Range(0.5, 1.0)]
    public double Quantile { get; init; } = 0.95;
}

/// <summary>
/// Are generated brains of a shape that real brains have? Each brain is a mask without holes on a coarse grid; what the principal
/// components of the real volumes' masks leave of it, as a mean squared error, is small for shapes like theirs. The detail <c>valid</c> is
/// the share of generated volumes whose error is no larger than that of most real ones.
/// </summary>
[Metric("brain_shape", Summary = "How far shapes of generated brains are from those of the real ones; lower is better.")]
public sealed class BrainShapeMetric : IMetric<BrainShapeOptions>
{
    /// <inheritdoc/>
    public BrainShapeOptions Tiny => new() { Threshold = 0.5, Grid = 32 };

    /// <inheritdoc/>
    public Metric Create(BrainShapeOptions options, PartContext context) => new BrainShape(options);

    private sealed class BrainShape(BrainShapeOptions options) : SetMetric
    {
        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override bool HigherIsBetter => false;

        public override string Extractor =>
            FormattableString.Invariant($"brain above {options.Threshold} on {options.Grid}×{options.Grid}×{options.Grid} blocks");

        public override Tensor Features(Tensor volumes)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            long[] grid = [options.Grid, options.Grid, options.Grid];
            // of the first channel: the others are of the same head
            var bright = volumes.narrow(1, 0, 1).gt(S(options.Threshold)).to(ScalarType.Float32);
            var blocks = F.adaptive_avg_pool3d(bright, grid).gt(S(0.5)).to(ScalarType.Float32);
            return WithoutHoles(blocks).flatten(1).cpu().MoveToOuterDisposeScope();
        }

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            if (real.shape[0] < 2)
                throw new ArgumentException(
                    $"there is {real.shape[0]} real volume; how shapes of brains vary needs 2 or more");
            var (training, shapes) = (real.to_type(ScalarType.Float64), generated.to_type(ScalarType.Float64));
            var left = Enumerable.Range(0, (int)training.shape[0]).Select(i => Errors(Without(training, i), training.narrow(0, i, 1))[0]);
            var threshold = Bootstrap.Quantile([.. left.Order()], options.Quantile);
            var errors = Errors(training, shapes);
            var details = new Dictionary<string, double>
            {
                ["n_real"] = real.shape[0],
                ["n_generated"] = generated.shape[0],
                ["components"] = Math.Min(options.Components, real.shape[0] - 1),
                ["threshold"] = threshold,
                // what is exactly as far off is no further, whatever the last bit says
                ["valid"] = errors.Count(error => error <= threshold + 1e-12) / (double)errors.Length,
            };
            for (var i = 0; i < errors.Length; i++)
                details[$"error_{i}"] = errors[i];
            var value = errors.Average();
            return new MetricResult(value, [value]) { Details = details, Extractor = Extractor };
        }

        /// <summary>Mean squared errors of rows that are put together from the mean and the principal components of others.</summary>
        private double[] Errors(Tensor training, Tensor rows)
        {
            using var scope = NewDisposeScope();
            var mean = training.mean([0L], keepdim: true);
            var centred = training - mean;
            // of the small matrix of products between volumes, whose eigenvectors are the components' weights
            var (values, vectors) = linalg.eigh(centred.matmul(centred.t()));
            var kept = Kept(values);
            var rest = rows - mean;
            if (kept.Length > 0)
            {
                var weights = vectors.index_select(1, tensor(kept));
                var components = weights.t().matmul(centred);
                components = components / components.square().sum([1L], keepdim: true).sqrt();
                rest = rest - rest.matmul(components.t()).matmul(components);
            }

            return [.. rest.square().mean([1L]).data<double>()];
        }

        /// <summary>Places of the largest eigenvalues that are more than rounding.</summary>
        private long[] Kept(Tensor values)
        {
            double[] sizes = [.. values.data<double>()]; // ascending
            var rounding = 1e-9 * Math.Max(sizes[^1], 1e-9);
            var largest = Enumerable.Range(0, sizes.Length).Reverse().Take(options.Components);
            return [.. largest.Where(place => sizes[place] > rounding).Select(place => (long)place)];
        }

        private static Tensor Without(Tensor rows, int row) =>
            cat([rows.narrow(0, 0, row), rows.narrow(0, row + 1, rows.shape[0] - row - 1)], 0);

        /// <summary>Fills what no way through blocks leads to: the outside grows from the border into what is no brain.</summary>
        private static Tensor WithoutHoles(Tensor brain)
        {
            using var scope = NewDisposeScope();
            var around = ones_like(brain) - brain;
            var framed = F.pad(around, [1, 1, 1, 1, 1, 1], PaddingModes.Constant, 1);
            var outside = F.pad(zeros_like(brain), [1, 1, 1, 1, 1, 1], PaddingModes.Constant, 1);
            for (var reached = -1.0; outside.sum().ToDouble() is var now && now != reached; reached = now)
                outside = F.max_pool3d(outside, [3, 3, 3], [1, 1, 1], [1, 1, 1]) * framed;
            var inner = outside.narrow(2, 1, brain.shape[2]).narrow(3, 1, brain.shape[3]).narrow(4, 1, brain.shape[4]);
            return (ones_like(brain) - inner).MoveToOuterDisposeScope();
        }
    }
}
