using System.ComponentModel.DataAnnotations;
using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>dice</c> and <c>iou</c>.</summary>
public sealed record MaskOptions
{
    /// <summary>
    /// Added to numerator and denominator, in voxels. It makes two empty masks a perfect match and softens the value of small ones.
    /// With 0 two empty masks still match. Default 1.
    /// </summary>
    [Range(0.0, 1e6)]
    public double Smooth { get; init; } = 1;
}

/// <summary>
/// Voxels that two masks cover, each alone and both. A voxel belongs to a mask where its value is above one half, the rule by which
/// training and sampling make masks; there is no sigmoid.
/// </summary>
internal readonly record struct MaskOverlap(long Real, long Generated, long Both)
{
    public static MaskOverlap Of(Tensor real, Tensor generated)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (real.gt(S(0.5)), generated.gt(S(0.5)));
        return new(Count(a), Count(b), Count(a.logical_and(b)));
    }

    /// <summary>What to say of volumes that are not 0 and 1, or null.</summary>
    public static string? NoMask(Tensor volumes, string name)
    {
        using var scope = NewDisposeScope();
        var others = volumes.ne(S(0.0)).logical_and(volumes.ne(S(1.0))).sum().ToInt64();
        var (low, high) = Intensities.Of(volumes);
        return others == 0
            ? null
            : FormattableString.Invariant($"{others} of the {volumes.numel()} values of {name} are neither 0 nor 1, ")
                + FormattableString.Invariant($"as those of a mask are: they run from {low:G4} to {high:G4}, ")
                + "and a voxel belongs to the mask where it is above 0.5";
    }

    /// <summary>The share, where nothing of nothing is all of it.</summary>
    public static double Share(double part, double whole, double smooth) => whole + smooth == 0 ? 1 : (part + smooth) / (whole + smooth);

    // counted as integers: float32 stops counting at 16.8 million voxels
    private static long Count(Tensor mask) => mask.sum().ToInt64();
}
