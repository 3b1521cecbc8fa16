using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Intersection over union of each pair of masks, over all channels: <c>(|A∩B| + s) / (|A∪B| + s)</c>.</summary>
[Metric("iou", Summary = "Intersection over union of masks (voxels above 0.5); higher is better.")]
public sealed class IouMetric : IMetric<MaskOptions>
{
    /// <inheritdoc/>
    public Metric Create(MaskOptions options, PartContext context) => new Iou(options.Smooth);

    private sealed class Iou(double smooth) : PairedMetric
    {
        protected override double Compare(Tensor real, Tensor generated)
        {
            var masks = MaskOverlap.Of(real, generated);
            return MaskOverlap.Share(masks.Both, masks.Real + masks.Generated - masks.Both, smooth);
        }

        protected override string? OutOfRange(Tensor volumes, string name) => MaskOverlap.NoMask(volumes, name);
    }
}
