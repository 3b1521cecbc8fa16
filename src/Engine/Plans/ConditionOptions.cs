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
}
