using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Plans;

/// <summary>What is generated from what: the experiment's section <c>condition</c>.</summary>
public sealed record ConditionOptions
{
    /// <summary>Kinds of images that the denoiser sees beside the noisy target, e.g. <c>[seg]</c>. Default: none.</summary>
    public IReadOnlyList<string> Images { get; init; } = [];

    /// <summary>
    /// Probability with which a training sample's condition is replaced by zeros, so that guidance can be used when sampling. Default 0.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Dropout { get; init; }

    /// <summary>
    /// Whether the denoiser is told where it is: three more channels that go from −1 to 1 along D, H and W (arXiv:1807.03247). Heads lie
    /// alike in their volumes, and a convolution learns that slowly by itself. They are never dropped. Default false.
    /// </summary>
    public bool Coordinates { get; init; }

    /// <summary>Channels that <see cref="Coordinates"/> adds.</summary>
    internal int CoordinateChannels => Coordinates ? 3 : 0;
}
