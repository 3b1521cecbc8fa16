using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>How unlike two volumes are.</summary>
public enum Unlikeness
{
    /// <summary>One less <c>ms_ssim</c>, of volumes averaged to the grid's blocks.</summary>
    MsSsim,

    /// <summary>One less <c>dice</c>, of the blocks that a mask has a voxel in.</summary>
    Dice,

    /// <summary><c>lpips</c> by <see cref="DiversityOptions.Network"/>, of volumes averaged to the grid's blocks.</summary>
    Lpips,
}

/// <summary>Options of <c>diversity</c>.</summary>
public sealed record DiversityOptions
{
    /// <summary>How two volumes are compared. Default ms_ssim; dice is for masks, lpips needs a network.</summary>
    public Unlikeness By { get; init; } = Unlikeness.MsSsim;

    /// <summary>The TorchScript file of <c>lpips</c>; only by that. There is no default.</summary>
    public string? Network { get; init; }

    /// <summary>
    /// Blocks along each axis on which volumes are compared, at most, so that a thousand volumes fit into memory. Default 64.
    /// </summary>
    [Range(8, 512)]
    public int Grid { get; init; } = 64;

    /// <summary>Pairs that are compared, at most; of more, evenly spread ones. Default 500.</summary>
    [Range(1, 1_000_000)]
    public int Pairs { get; init; } = 500;
}

/// <summary>
/// How unlike generated volumes are to each other, the mean over pairs: a model that makes one volume again and again has 0. The same of
/// the real volumes is beside it, because a number by itself says little.
/// </summary>
[Metric("diversity", Summary = "Mean unlikeness of pairs of generated volumes, by MS-SSIM, Dice or LPIPS; higher is more diverse.")]
public sealed class DiversityMetric : IMetric<DiversityOptions>
{
    /// <inheritdoc/>
    public Metric Create(DiversityOptions options, PartContext context) =>
        options.Network is { Length: > 0 } network && options.By != Unlikeness.Lpips
            ? throw new PlanException(
                $"network {network} is of by: lpips, and this compares otherwise; set by: lpips or remove it", "network")
            : new Diversity(options, Pair(options, context));

    /// <inheritdoc/>
    public IReadOnlyList<string> Networks(DiversityOptions options) =>
        new LpipsMetric().Networks(new LpipsOptions { Network = options.Network });

    private static Metric Pair(DiversityOptions options, PartContext context) => options.By switch
    {
        Unlikeness.Dice => ((IMetric<MaskOptions>)new DiceMetric()).Create(new MaskOptions(), context),
        Unlikeness.Lpips => ((IMetric<LpipsOptions>)new LpipsMetric()).Create(new LpipsOptions { Network = options.Network }, context),
        _ => ((IMetric<MsSsimOptions>)new MsSsimMetric()).Create(new MsSsimOptions(), context),
    };

    private sealed class Diversity(DiversityOptions options, Metric pair) : SetMetric
    {
        // real ones are taken as they come, so that half of their spread is not what chance leaves
        private const double Collapsed = 0.5;

        private const int Axes = 4; // numbers before the blocks: how many there are along C, D, H and W

        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override bool HigherIsBetter => true;

        public override string Extractor =>
            $"{(options.By == Unlikeness.Dice ? "occupied" : "mean")} blocks, at most {options.Grid} along an axis";

        public override void Check(VolumeShape volume) => pair.Check(Blocks(volume));

        public override Tensor Features(Tensor volumes)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var blocks = Blocks(VolumeShape.Of(volumes));
            long[] size = [blocks.Depth, blocks.Height, blocks.Width];
            // a block has a voxel of the mask in it where its mean is not 0; adaptive_max_pool3d of TorchSharp is that of one dimension
            var made = options.By == Unlikeness.Dice
                ? F.adaptive_avg_pool3d(volumes.gt(S(0.5)).to(ScalarType.Float32), size).gt(S(0.0)).to(ScalarType.Float32)
                : F.adaptive_avg_pool3d(volumes.to(ScalarType.Float32), size);
            var axes = tensor(new float[] { blocks.Channels, blocks.Depth, blocks.Height, blocks.Width }, [1, Axes]);
            return cat([axes.expand(volumes.shape[0], -1), made.flatten(1).cpu()], 1).MoveToOuterDisposeScope();
        }

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            using var gradient = no_grad();
            if (generated.shape[0] < 2)
                throw new ArgumentException(
                    $"there is {generated.shape[0]} generated volume; how unlike volumes are to each other needs 2 or more");
            var (value, pairs, least) = Mean(generated);
            var details = new Dictionary<string, double>
            {
                ["n_real"] = real.shape[0],
                ["n_generated"] = generated.shape[0],
                ["pairs"] = pairs,
                ["least"] = least,
            };
            var collapsed = false;
            if (real.shape[0] >= 2)
            {
                (details["real"], _, details["least_real"]) = Mean(real);
                collapsed = value < Collapsed * details["real"];
            }

            return new MetricResult(value, [value])
            {
                Details = details,
                Extractor = Extractor,
                Warnings = !collapsed
                    ? []
                    : [FormattableString.Invariant(
                        $"generated volumes have collapsed: {value / details["real"]:G2} times as unlike each other as real ones")],
            };
        }

        private VolumeShape Blocks(VolumeShape volume) => volume with
        {
            Depth = Math.Min(volume.Depth, options.Grid),
            Height = Math.Min(volume.Height, options.Grid),
            Width = Math.Min(volume.Width, options.Grid),
        };

        private (double Mean, int Pairs, double Least) Mean(Tensor rows)
        {
            var volumes = (int)rows.shape[0];
            var all = (long)volumes * (volumes - 1) / 2;
            var count = (int)Math.Min(all, options.Pairs);
            var values = new double[count];
            for (var i = 0; i < count; i++)
            {
                using var scope = NewDisposeScope();
                var (a, b) = Pair(i * all / count, volumes);
                var compared = pair.Compute(Volume(rows[a]), Volume(rows[b])).Value;
                values[i] = pair.HigherIsBetter ? 1 - compared : compared; // a likeness, or a distance
            }

            return (values.Average(), count, values.Min());
        }

        /// <summary>The pair of a number, in the order (0, 1), (0, 2) … (1, 2) …</summary>
        private static (int First, int Second) Pair(long number, int volumes)
        {
            var first = 0;
            for (long row = volumes - 1; number >= row; row--)
            {
                number -= row;
                first++;
            }

            return (first, first + 1 + (int)number);
        }

        private static Tensor Volume(Tensor row)
        {
            long[] axes = [.. row.narrow(0, 0, Axes).data<float>().Select(axis => (long)axis)];
            return row.narrow(0, Axes, row.shape[0] - Axes).view([1, .. axes]);
        }
    }
}
