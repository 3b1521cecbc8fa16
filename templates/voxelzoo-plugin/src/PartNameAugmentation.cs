namespace Acme.Plugin._1;

// within the namespace, so that one called My.Augmentation does not hide the contract's type
using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>Chance that a step's samples are changed. Default 0.5.</summary>
    [Range(0.0, 1.0)]
    public double Probability { get; init; } = 0.5;

    /// <summary>Intensities are raised to a power between one by this and this. Default 1.5.</summary>
    [Range(1.0, 8.0)]
    public double Gamma { get; init; } = 1.5;
}

/// <summary>
/// Changes the contrast of images before the compressor sees them: intensities from 0 to 1 of their range become themselves to a power
/// that is drawn for the whole step. Masks stay as they are.
/// </summary>
[Augmentation("part_id", Summary = "Changes the contrast of images, not of masks.")]
public sealed class PartNameAugmentation : IAugmentation<PartNameOptions>
{
    /// <inheritdoc/>
    public Augmentation Create(PartNameOptions options, DiffusionShape shape, PartContext context) => new Contrast(options);

    private sealed class Contrast(PartNameOptions options) : Augmentation
    {
        public override bool ChangesVolumes => true;

        public override TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random)
        {
            using var drawn = rand([2], generator: random);
            if (drawn[0].item<float>() >= options.Probability)
                return volumes;
            var power = Math.Pow(options.Gamma, 2 * drawn[1].item<float>() - 1);
            return volumes with { Images = [.. volumes.Images.Select(image => image.IsMask ? image : Raised(image, power))] };
        }

        private static TrainingImage Raised(TrainingImage image, double power)
        {
            using var scope = NewDisposeScope();
            var (low, span) = (image.Low, image.High - image.Low);
            var voxels = ((image.Voxels - S(low)) / S(span)).clamp(S(0.0), S(1.0)).pow(S(power)) * S(span) + S(low);
            return image with { Voxels = voxels.MoveToOuterDisposeScope() };
        }
    }
}
