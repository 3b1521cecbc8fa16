using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace Acme.Plugin._1;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>Chance that a step's samples are mirrored. Default 0.5.</summary>
    [Range(0.0, 1.0)]
    public double Probability { get; init; } = 0.5;
}

/// <summary>
/// Mirrors samples along W, with their conditions and the weights of their voxels. Noise and timesteps stay as they were drawn.
/// </summary>
[Augmentation("part_id", Summary = "Mirrors samples along W.")]
public sealed class PartNameAugmentation : IAugmentation<PartNameOptions>
{
    /// <inheritdoc/>
    public Augmentation Create(PartNameOptions options, DiffusionShape shape, PartContext context) => new Mirror(options.Probability);

    private sealed class Mirror(double probability) : Augmentation
    {
        private const int Width = 4; // of [B, C, D, H, W]

        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
        {
            using var drawn = rand([1], generator: random);
            if (drawn.item<float>() >= probability)
                return [term];
            var clean = term.Clean.flip(Width);
            return
            [
                term with
                {
                    Clean = clean,
                    Noisy = process.AddNoise(clean, term.Noise, term.Timesteps),
                    Target = process.Target(clean, term.Noise, term.Timesteps),
                    Condition = term.Condition?.flip(Width),
                    VoxelWeights = term.VoxelWeights?.flip(Width),
                },
            ];
        }
    }
}
