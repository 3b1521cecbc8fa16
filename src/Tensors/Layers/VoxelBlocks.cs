using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Blocks of f×f×f voxels as channels, and back: voxel (d, h, w) of a block of channel c is channel <c>c·f³ + d·f² + h·f + w</c>.
/// Nothing is scaled.
/// </summary>
public static class VoxelBlocks
{
    /// <summary><c>[B, C, D, H, W]</c> to <c>[B, C·f³, D/f, H/f, W/f]</c>.</summary>
    /// <param name="volume">Any dtype and device; stays the caller's.</param>
    /// <param name="factor">f, the side of a block.</param>
    /// <returns>The blocks, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">A size does not divide.</exception>
    public static Tensor ToChannels(Tensor volume, int factor)
    {
        using var scope = NewDisposeScope();
        var (s, f) = (volume.shape, factor);
        if (s[2] % f != 0 || s[3] % f != 0 || s[4] % f != 0)
            throw new ArgumentException($"a volume of {s[2]}×{s[3]}×{s[4]} voxels does not divide into blocks of {f}", nameof(volume));
        return volume.reshape(s[0], s[1], s[2] / f, f, s[3] / f, f, s[4] / f, f)   // [B, C, D/f, d, H/f, h, W/f, w]
            .permute(0, 1, 3, 5, 7, 2, 4, 6)                                       // [B, C, d, h, w, D/f, H/f, W/f]
            .reshape(s[0], s[1] * f * f * f, s[2] / f, s[3] / f, s[4] / f)
            .MoveToOuterDisposeScope();
    }

    /// <summary><c>[B, C·f³, D, H, W]</c> to <c>[B, C, D·f, H·f, W·f]</c>.</summary>
    /// <param name="blocks">Any dtype and device; stays the caller's.</param>
    /// <param name="factor">f, the side of a block.</param>
    /// <returns>The voxels, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">The channels do not divide.</exception>
    public static Tensor ToVoxels(Tensor blocks, int factor)
    {
        using var scope = NewDisposeScope();
        var (s, f) = (blocks.shape, factor);
        if (s[1] % (f * f * f) != 0)
            throw new ArgumentException($"{s[1]} channels are not a multiple of the {f * f * f} voxels of a block", nameof(blocks));
        return blocks.reshape(s[0], s[1] / (f * f * f), f, f, f, s[2], s[3], s[4]) // [B, C, d, h, w, D/f, H/f, W/f]
            .permute(0, 1, 5, 2, 6, 3, 7, 4)                                       // [B, C, D/f, d, H/f, h, W/f, w]
            .reshape(s[0], s[1] / (f * f * f), s[2] * f, s[3] * f, s[4] * f)
            .MoveToOuterDisposeScope();
    }
}
