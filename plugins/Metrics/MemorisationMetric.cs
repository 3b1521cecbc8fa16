using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>memorisation</c>.</summary>
public sealed record MemorisationOptions
{
    /// <summary>What makes features of volumes: <c>scattering</c> or a TorchScript file, as for <c>fid</c>. Default scattering.</summary>
    public string Extractor { get; init; } = WaveletScattering.Name;

    /// <summary>A generated volume is flagged where its ratio is below this. Default 0.5.</summary>
    [Range(1e-6, 1.0)]
    public double Threshold { get; init; } = 0.5;
}

/// <summary>
/// Are generated volumes copies of training volumes? For each, its distance to the nearest training volume, as a ratio to the median
/// distance between a training volume and its nearest other one: once in the space of features, and once as one less the correlation of the
/// voxels. A volume whose smaller ratio is below the threshold is flagged; the value is the share that is. That diffusion models do copy
/// patients: Dar et al., doi:10.1038/s41551-025-01468-8.
/// </summary>
[Metric("memorisation", Summary = "Share of generated volumes that are all but copies of a training volume; lower is better.")]
public sealed class MemorisationMetric : IMetric<MemorisationOptions>
{
    /// <inheritdoc/>
    public Metric Create(MemorisationOptions options, PartContext context) =>
        new Memorisation(options.Threshold, FeatureExtractor.Create(options.Extractor, context)!);

    /// <inheritdoc/>
    public IReadOnlyList<string> Networks(MemorisationOptions options) => FeatureExtractor.Networks(options.Extractor);

    private sealed class Memorisation(double threshold, FeatureExtractor extractor) : SetMetric
    {
        // voxels are compared on a grid of this many blocks along each axis, so that a thousand volumes fit into memory
        private const int Grid = 32;
        private const int Voxels = Grid * Grid * Grid;

        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override bool HigherIsBetter => false;

        public override string Extractor => $"{extractor.Id}; mean of the channels on {Grid}×{Grid}×{Grid} blocks";

        public override bool NeedsTrainingSet => true;

        public override void Check(VolumeShape volume) => extractor.Check(volume);

        public override Tensor Features(Tensor volumes)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            // one row for each volume: the mean of its features, then its blocks
            var rows = volumes.split(1).Select(volume => cat([extractor.Rows(volume).mean([0]).cpu(), Blocks(volume).cpu()], 0)).ToArray();
            return stack(rows, 0).MoveToOuterDisposeScope();
        }

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            if (real.shape[0] < 2)
                throw new ArgumentException(
                    $"there is {real.shape[0]} training volume; how near training volumes are to each other needs 2 or more");
            var features = Ratios(Part(real, 0), Part(generated, 0), "features");
            var voxels = Ratios(Part(real, 1), Part(generated, 1), "voxels");
            var details = new Dictionary<string, double>
            {
                ["n_real"] = real.shape[0],
                ["n_generated"] = generated.shape[0],
                ["threshold"] = threshold,
            };
            details["lowest_training_feature_ratio"] = features.Lowest;
            details["lowest_training_voxel_ratio"] = voxels.Lowest;
            var flagged = 0;
            for (var i = 0; i < features.Each.Length; i++)
            {
                var nearer = features.Each[i] <= voxels.Each[i] ? features : voxels;
                flagged += nearer.Each[i] < threshold ? 1 : 0;
                details[$"feature_ratio_{i}"] = features.Each[i];
                details[$"voxel_ratio_{i}"] = voxels.Each[i];
                details[$"nearest_{i}"] = nearer.Nearest[i];
            }

            details["flagged"] = flagged;
            var share = flagged / (double)features.Each.Length;
            return new MetricResult(share, [share])
            {
                Details = details,
                Extractor = Extractor,
                Warnings = flagged == 0
                    ? []
                    : [$"generated volumes are copies: {flagged} of {features.Each.Length} lie on a training volume"],
            };
        }

        /// <summary>
        /// Blocks of a volume <c>[1, C, D, H, W]</c>, with mean 0 and so scaled that half a squared distance is one less the correlation.
        /// </summary>
        private static Tensor Blocks(Tensor volume)
        {
            var blocks = F.adaptive_avg_pool3d(volume.to(ScalarType.Float32).mean([1], keepdim: true), [Grid, Grid, Grid]).flatten();
            blocks = blocks - blocks.mean();
            return blocks / blocks.square().sum().sqrt().clamp_min(S(1e-12));
        }

        private static Tensor Part(Tensor rows, int part)
        {
            var features = rows.shape[1] - Voxels;
            return (part == 0 ? rows.narrow(1, 0, features) : rows.narrow(1, features, Voxels)).to_type(ScalarType.Float64);
        }

        private static (double[] Each, long[] Nearest, double Lowest) Ratios(Tensor real, Tensor generated, string space)
        {
            var within = Distances(real, real, space);
            within = within + eye(real.shape[0], dtype: ScalarType.Float64) * S(1e300); // not itself
            var typical = within.min(1).values;
            // the mean of the two in the middle where their number is even
            var median = typical.quantile(tensor(0.5, ScalarType.Float64)).ToDouble();
            if (!(median > 0))
                throw new ArgumentException(
                    $"half of the training volumes have a copy among them in the space of {space}; "
                    + "how near a generated one is says nothing");
            var (distances, nearest) = Distances(generated, real, space).min(1);
            return (
                [.. distances.data<double>().Select(distance => distance / median)],
                [.. nearest.data<long>()],
                typical.min().ToDouble() / median);
        }

        /// <summary>Euclidean distances of features; one less the correlation of voxels.</summary>
        private static Tensor Distances(Tensor x, Tensor y, string space)
        {
            var squares = stack([.. x.split(1).Select(Row)], 0);
            return space == "features" ? squares.sqrt() : squares * S(0.5);

            // one row at a time, whose differences go before the next: differences, not products, so that a copy is at 0
            Tensor Row(Tensor one)
            {
                using var scope = NewDisposeScope();
                return (one - y).square().sum(1L).MoveToOuterDisposeScope();
            }
        }
    }
}
