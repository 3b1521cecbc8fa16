using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Dice coefficient of each pair of masks, over all channels: <c>(2·|A∩B| + s) / (|A| + |B| + s)</c>.</summary>
[Metric("dice", Summary = "Dice coefficient of masks (voxels above 0.5); higher is better.")]
public sealed class DiceMetric : IMetric<MaskOptions>
{
    /// <inheritdoc/>
    public Metric Create(MaskOptions options, PartContext context) => new Dice(options.Smooth);

    private sealed class Dice(double smooth) : PairedMetric
    {
        protected override double Compare(Tensor real, Tensor generated)
        {
            var masks = MaskOverlap.Of(real, generated);
            return MaskOverlap.Share(2.0 * masks.Both, masks.Real + masks.Generated, smooth);
        }

        protected override string? OutOfRange(Tensor volumes, string name) => MaskOverlap.NoMask(volumes, name);
    }
}
