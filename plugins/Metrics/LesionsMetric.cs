using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>lesions</c>.</summary>
public sealed record LesionsOptions
{
    /// <summary>How far around a tumour its surroundings reach, in voxels. Default 2.</summary>
    [Range(1, 16)]
    public int Ring { get; init; } = 2;
}

/// <summary>
/// Are the tumours where the masks say, as bright as in real volumes? In each volume the contrast of its tumours: the mean intensity in the
/// mask over that in a ring around it, less one. The value is the mean contrast of generated volumes by that of real ones: 1 is as visible,
/// 0 not at all, above 1 brighter than real ones, and below 0 they are dark where real ones are bright. Volumes without a tumour say
/// nothing and are left out.
/// </summary>
[Metric("lesions", Summary = "Contrast of generated tumours to their surroundings by that of real ones; 1 is as visible, 0 not at all.")]
public sealed class LesionsMetric : IMetric<LesionsOptions>
{
    /// <inheritdoc/>
    public Metric Create(LesionsOptions options, PartContext context) => new Lesions(options.Ring);

    private sealed class Lesions(int ring) : SetMetric
    {
        // below this share of the real contrast a tumour is hardly seen
        private const double Faint = 0.5;

        private const string Without =
            "contrasts of tumours are measured by their masks, which are not given; "
            + "a run's evaluation has them where its images are made from seg";

        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override double? BestValue => 1;

        public override bool NeedsMasks => true;

        public override string Extractor => $"contrast of tumours to a ring of {ring} voxels";

        public override Tensor Features(Tensor volumes) => throw new ArgumentException(Without);

        // the contrast and 1, or twice 0 where there is no tumour, or nothing around it
        public override Tensor MaskedFeatures(Tensor volumes, Tensor masks)
        {
            if (volumes.dim() != 5 || masks.dim() != 5 || masks.shape[1] != 1 || !Grid(volumes).SequenceEqual(Grid(masks)))
                throw new ArgumentException(
                    $"the volumes are [{string.Join(", ", volumes.shape)}] and their masks [{string.Join(", ", masks.shape)}], "
                    + "expected [N, C, D, H, W] and [N, 1, D, H, W]");
            Finite.Require(volumes, "volumes");
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var image = volumes.to(ScalarType.Float64).mean([1], keepdim: true).cpu();
            var tumour = masks.gt(S(0.5)).to(ScalarType.Float64).cpu();
            var width = 2 * ring + 1;
            var around = F.max_pool3d(tumour, [width, width, width], [1, 1, 1], [ring, ring, ring]) - tumour;
            var (inside, outside) = (Mean(image, tumour), Mean(image, around));
            var known = outside.gt(S(0.0)).logical_and(tumour.sum([1, 2, 3, 4]).gt(S(0.0))).to(ScalarType.Float64);
            var contrast = (inside / outside.clamp_min(S(1e-12)) - S(1.0)) * known;
            return stack([contrast, known], 1).MoveToOuterDisposeScope();
        }

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var (ours, theirs) = (Contrasts(generated), Contrasts(real));
            if (theirs.Length == 0 || ours.Length == 0)
                throw new ArgumentException(
                    $"no {(theirs.Length == 0 ? "real" : "generated")} volume has a tumour with anything around it");
            var (contrast, usual) = (ours.Average(), theirs.Average());
            var ratio = contrast / usual;
            return new MetricResult(ratio, [ratio])
            {
                Extractor = Extractor,
                Warnings = ratio >= Faint
                    ? []
                    : [FormattableString.Invariant(
                        $"generated tumours are hardly seen: their contrast is {ratio:G2} of that of real ones")],
                Details = new Dictionary<string, double>
                {
                    ["n_real"] = theirs.Length,
                    ["n_generated"] = ours.Length,
                    ["contrast"] = contrast,
                    ["contrast_real"] = usual,
                    ["worst"] = ours.Min(),
                    ["worst_real"] = theirs.Min(),
                },
            };
        }

        private static double[] Contrasts(Tensor rows)
        {
            var (contrasts, known) = (rows.select(1, 0).contiguous().data<double>(), rows.select(1, 1).contiguous().data<double>());
            return [.. contrasts.Zip(known).Where(row => row.Second > 0).Select(row => row.First)];
        }

        private static Tensor Mean(Tensor image, Tensor where) =>
            (image * where).sum([1, 2, 3, 4]) / where.sum([1, 2, 3, 4]).clamp_min(S(1.0));

        private static IEnumerable<long> Grid(Tensor volumes) => [volumes.shape[0], .. volumes.shape[2..]];
    }
}
