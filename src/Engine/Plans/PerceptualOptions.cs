using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Plans;

/// <summary>The network whose features are compared: <c>training.perceptual</c>.</summary>
public sealed record PerceptualOptions
{
    /// <summary>
    /// A TorchScript file. Its network takes slices <c>[n, 3, H, W]</c> from 0 to 1 and returns features <c>[n, c, h, w]</c>, or several
    /// such tensors.
    /// Default: none, and no phase can weigh <c>perceptual</c>, nor can <c>loss</c> be <c>lpips_huber</c>.
    /// </summary>
    public string? Network { get; init; }

    /// <summary>The part of the axial slices that is compared in a step, drawn anew each time; at least one slice. Default 0.25.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double SliceFraction { get; init; } = 0.25;
}
