using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// Shifted data augmentation: beside the step's own term, now and then one of a turned or mirrored sample at a noisier timestep,
/// so that what augmentation teaches stays tagged by its noise level. Sample, noise and condition are transformed alike, on the latent's grid.
/// </summary>
[Augmentation("sda", Summary = "Shifted data augmentation: turned and mirrored samples at a noisier timestep.")]
public sealed class SdaAugmentation : IAugmentation<SdaOptions>
{
    /// <inheritdoc/>
    public Augmentation Create(SdaOptions options, DiffusionShape shape, PartContext context)
    {
        if (!options.Rotation && !options.Flip)
            throw new PlanException("sda has neither rotation nor flip and would do nothing; switch one on or leave sda out", "rotation");
        if (options.Rotation && shape.Latent.Height != shape.Latent.Width)
            throw new PlanException(
                $"a quarter turn needs a square plane, but the latent is {shape.Latent.Height}×{shape.Latent.Width}; set rotation: false", "rotation");
        return new Sda(options);
    }

    private sealed class Sda(SdaOptions options) : Augmentation
    {
        private const int Depth = 2;
        private const int Height = 3;
        private const int Width = 4;

        private static readonly Func<Tensor, Tensor>[] Turns = [.. new[] { 1, 2, 3 }.Select(k => (Func<Tensor, Tensor>)(x => x.rot90(k, (Height, Width))))];

        private static readonly Func<Tensor, Tensor>[] Mirrors = [.. new[] { Depth, Height, Width }.Select(axis => (Func<Tensor, Tensor>)(x => x.flip(axis)))];

        private readonly Func<Tensor, Tensor>[] _transforms = [.. options.Rotation ? Turns : [], .. options.Flip ? Mirrors : []];

        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
        {
            if (Uniform(random) >= options.Probability)
                return [term];

            var transform = _transforms[(int)(Uniform(random) * _transforms.Length)];
            var (clean, noise) = (transform(term.Clean), transform(term.Noise));
            var timesteps = (term.Timesteps + S(options.NoiseShift * NoiseProcess.Horizon)).clamp_max(S(NoiseProcess.Horizon));
            var shifted = term with
            {
                Clean = clean,
                Noise = noise,
                Timesteps = timesteps,
                Noisy = process.AddNoise(clean, noise, timesteps),
                Target = process.Target(clean, noise, timesteps),
                Condition = term.Condition is null ? null : transform(term.Condition),
                Weight = term.Weight * options.Weight,
            };
            return [term, shifted];
        }

        // in [0, 1)
        private static double Uniform(Generator random)
        {
            using var drawn = rand([1], ScalarType.Float64, CPU, generator: random);
            return drawn.item<double>();
        }
    }
}
