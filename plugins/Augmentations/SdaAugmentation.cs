using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// Shifted data augmentation: beside the step's own term, now and then one of a turned or mirrored sample at a noisier timestep,
/// so that what augmentation teaches stays tagged by its noise level. Sample, noise and condition are transformed alike, on the latent's
/// grid.
/// </summary>
[Augmentation("sda", Summary = "Shifted data augmentation: turned and mirrored samples at a noisier timestep.")]
public sealed class SdaAugmentation : IAugmentation<SdaOptions>
{
    /// <inheritdoc/>
    public Augmentation Create(SdaOptions options, DiffusionShape shape, PartContext context)
    {
        if (!options.Rotation && !options.Flip)
            throw new PlanException("sda has neither rotation nor flip and would do nothing; switch one on or leave sda out", "rotation");
        return new Sda(options, Symmetries.Of(options.Rotation, options.Flip, shape.Latent));
    }

    private sealed class Sda(SdaOptions options, IReadOnlyList<Transform> transforms) : Augmentation
    {
        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
        {
            if (!random.Happens(options.Probability))
                return [term];

            var transform = random.Pick(transforms);
            var (clean, noise) = (transform.Apply(term.Clean), transform.Apply(term.Noise));
            var timesteps = (term.Timesteps + S(options.NoiseShift * NoiseProcess.Horizon)).clamp_max(S(NoiseProcess.Horizon));
            var shifted = term with
            {
                Clean = clean,
                Noise = noise,
                Timesteps = timesteps,
                Noisy = process.AddNoise(clean, noise, timesteps),
                Target = process.Target(clean, noise, timesteps),
                Condition = term.Condition is null ? null : transform.Apply(term.Condition),
                VoxelWeights = term.VoxelWeights is null ? null : transform.Move(term.VoxelWeights),
                Weight = term.Weight * options.Weight,
            };
            return [term, shifted];
        }
    }
}
