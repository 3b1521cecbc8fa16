using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>sharpness</c>: none, so that values of different experiments can be compared.</summary>
public sealed record SharpnessOptions;

/// <summary>
/// Have generated heads as much fine detail as real ones? Each volume is divided by its 99.5th percentile. What a Gaussian blur of one
/// voxel takes away is its fine detail, and the mean square of that in the head without its outer two voxels is the detail's energy. The
/// value is the energy of generated volumes by that of real ones: 1 is as sharp, 0.2 a blob without folds, above 1 has more detail than a
/// head has. Noise is detail too, but of the finest, what a blur of half a voxel takes away: the detail <c>finest</c> is far above 1 then.
/// </summary>
[Metric("sharpness", Summary = "Energy of fine detail in generated heads by that in real ones; 1 is as sharp, less softer, more noisy.")]
public sealed class SharpnessMetric : IMetric<SharpnessOptions>
{
    /// <inheritdoc/>
    public Metric Create(SharpnessOptions options, PartContext context) => new Sharpness();

    private sealed class Sharpness : SetMetric
    {
        private const double Bright = 0.995, FineBlur = 1, FinestBlur = 0.5;

        // below this share of the real energy there are hardly any folds; above this multiple of the finest there is noise
        private const double Soft = 0.5, Noisy = 1.5;

        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override double? BestValue => 1;

        public override string Extractor => "energy of fine detail in the head";

        // energy of fine and of finest detail and the head's share of the volume, each the mean over channels
        public override Tensor Features(Tensor volumes)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var rows = volumes.to(ScalarType.Float32).cpu().unbind(0)
                .Select(volume => stack([.. volume.unbind(0).Select(Energies)], 0).mean([0L]));
            return stack([.. rows], 0).MoveToOuterDisposeScope();
        }

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            using var scope = NewDisposeScope();
            double[] of = [.. real.to(ScalarType.Float64).mean([0L]).data<double>()];
            if (of is not [> 0, > 0, > 0])
                throw new ArgumentException("no real volume has detail in a head, by which generated ones could be measured");
            double[] made = [.. generated.to(ScalarType.Float64).mean([0L]).data<double>()];
            var (energy, finest) = (made[0] / of[0], made[1] / of[1]);
            return new MetricResult(energy, [energy])
            {
                Extractor = Extractor,
                Warnings = [.. Warnings(energy, finest)],
                Details = new Dictionary<string, double>
                {
                    ["n_real"] = real.shape[0],
                    ["n_generated"] = generated.shape[0],
                    ["energy"] = energy,
                    ["worst"] = generated.select(1, 0).to(ScalarType.Float64).min().ToDouble() / of[0],
                    ["finest"] = finest,
                    ["head"] = made[2] / of[2],
                },
            };
        }

        private static IEnumerable<string> Warnings(double energy, double finest)
        {
            if (energy < Soft)
                yield return FormattableString.Invariant(
                    $"generated volumes are soft: their fine detail has {energy:G2} of the energy that it has in real ones");
            if (finest > Noisy)
                yield return FormattableString.Invariant(
                    $"generated volumes are noisy: their finest detail has {finest:G2} times the energy that it has in real ones");
        }

        private static Tensor Energies(Tensor volume)
        {
            using var scope = NewDisposeScope();
            var scaled = volume / S(Math.Max(Percentile(volume), 1e-6));
            var head = HeadMask.Inside(scaled).to(ScalarType.Float32);
            var voxels = head.sum().clamp(S(1.0));
            var energies = new[] { FineBlur, FinestBlur }
                .Select(sigma => ((scaled - GaussianBlur.Of(scaled, sigma)).square() * head).sum() / voxels);
            return stack([.. energies, head.mean()], 0).MoveToOuterDisposeScope();
        }

        // between two voxels in proportion; torch.quantile takes no more than 16 million
        private static double Percentile(Tensor volume)
        {
            var sorted = volume.flatten().sort().Values;
            var place = Bright * (sorted.shape[0] - 1);
            var below = (long)Math.Floor(place);
            var (low, high) = (sorted[below].ToDouble(), sorted[Math.Min(below + 1, sorted.shape[0] - 1)].ToDouble());
            return low + (place - below) * (high - low);
        }
    }
}
