using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// Mixup (arXiv:1710.09412): each clean sample becomes <c>λ·own + (1 − λ)·another of the batch</c>, λ ~ Beta(α, α), and its image condition
/// and weights of voxels likewise. Noise and timesteps stay each sample's own; the noisy sample and the target follow from them. A batch
/// of one stays as it is.
/// </summary>
[Augmentation("mixup", Summary = "Mixup: each sample and its condition mixed with another of the batch before noise is added.")]
public sealed class MixupAugmentation : IAugmentation<MixupOptions>
{
    /// <inheritdoc/>
    public Augmentation Create(MixupOptions options, DiffusionShape shape, PartContext context) => new Mixup(options);

    private sealed class Mixup(MixupOptions options) : Augmentation
    {
        public override bool MixesSamples => true;

        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
        {
            var batch = (int)term.Clean.shape[0];
            if (batch == 1 || !random.Happens(options.Probability))
                return [term];

            // going round by less than the whole batch, no sample is mixed with itself
            var partner = random.Whole(1, batch - 1);
            float[] own = [.. Enumerable.Range(0, batch).Select(_ => (float)BetaLaw.Draw(options.Alpha, random))];
            var clean = Mix(term.Clean, own, partner);
            return
            [
                term with
                {
                    Clean = clean,
                    Noisy = process.AddNoise(clean, term.Noise, term.Timesteps),
                    Target = process.Target(clean, term.Noise, term.Timesteps),
                    Condition = term.Condition is null ? null : Mix(term.Condition, own, partner),
                    VoxelWeights = term.VoxelWeights is null ? null : Mix(term.VoxelWeights, own, partner),
                },
            ];
        }

        private static Tensor Mix(Tensor samples, float[] own, int partner)
        {
            using var scope = NewDisposeScope();
            var weight = tensor(own, device: samples.device).view(-1, 1, 1, 1, 1);
            return (samples * weight + samples.roll(partner, 0) * (-weight + S(1.0))).MoveToOuterDisposeScope();
        }
    }
}
