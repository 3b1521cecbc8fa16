using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Blocks of voxels as channels, and back: voxel (d, h, w) of a block of channel c is channel <c>((c·depth + d)·height + h)·width + w</c>,
/// which is <c>c·f³ + d·f² + h·f + w</c> for cubes. Nothing is scaled.
/// </summary>
public static class VoxelBlocks
{
    /// <summary><c>[B, C, D, H, W]</c> to <c>[B, C·f³, D/f, H/f, W/f]</c>.</summary>
    /// <param name="volume">Any dtype and device; stays the caller's.</param>
    /// <param name="factor">f, the side of a block.</param>
    /// <returns>The blocks, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">A size does not divide.</exception>
    public static Tensor ToChannels(Tensor volume, int factor) => ToChannels(volume, factor, factor, factor);

    /// <summary><c>[B, C, D, H, W]</c> to <c>[B, C·depth·height·width, D/depth, H/height, W/width]</c>.</summary>
    /// <param name="volume">Any dtype and device; stays the caller's.</param>
    /// <param name="depth">Voxels of a block along D.</param>
    /// <param name="height">Voxels of a block along H.</param>
    /// <param name="width">Voxels of a block along W.</param>
    /// <returns>The blocks, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">A size does not divide.</exception>
    public static Tensor ToChannels(Tensor volume, int depth, int height, int width)
    {
        using var scope = NewDisposeScope();
        var s = volume.shape;
        if (s[2] % depth != 0 || s[3] % height != 0 || s[4] % width != 0)
            throw new ArgumentException(
                $"a volume of {s[2]}×{s[3]}×{s[4]} voxels does not divide into blocks of "
                + (depth == height && height == width ? $"{depth}" : $"{depth}×{height}×{width}"),
                nameof(volume));
        return volume.reshape(s[0], s[1], s[2] / depth, depth, s[3] / height, height, s[4] / width, width) // [B, C, D′, d, H′, h, W′, w]
            .permute(0, 1, 3, 5, 7, 2, 4, 6)                                                               // [B, C, d, h, w, D′, H′, W′]
            .reshape(s[0], s[1] * depth * height * width, s[2] / depth, s[3] / height, s[4] / width)
            .MoveToOuterDisposeScope();
    }

    /// <summary><c>[B, C·f³, D, H, W]</c> to <c>[B, C, D·f, H·f, W·f]</c>.</summary>
    /// <param name="blocks">Any dtype and device; stays the caller's.</param>
    /// <param name="factor">f, the side of a block.</param>
    /// <returns>The voxels, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">The channels do not divide.</exception>
    public static Tensor ToVoxels(Tensor blocks, int factor) => ToVoxels(blocks, factor, factor, factor);

    /// <summary><c>[B, C·depth·height·width, D, H, W]</c> to <c>[B, C, D·depth, H·height, W·width]</c>.</summary>
    /// <param name="blocks">Any dtype and device; stays the caller's.</param>
    /// <param name="depth">Voxels of a block along D.</param>
    /// <param name="height">Voxels of a block along H.</param>
    /// <param name="width">Voxels of a block along W.</param>
    /// <returns>The voxels, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">The channels do not divide.</exception>
    public static Tensor ToVoxels(Tensor blocks, int depth, int height, int width)
    {
        using var scope = NewDisposeScope();
        var (s, voxels) = (blocks.shape, depth * height * width);
        if (s[1] % voxels != 0)
            throw new ArgumentException($"{s[1]} channels are not a multiple of the {voxels} voxels of a block", nameof(blocks));
        return blocks.reshape(s[0], s[1] / voxels, depth, height, width, s[2], s[3], s[4]) // [B, C, d, h, w, D, H, W]
            .permute(0, 1, 5, 2, 6, 3, 7, 4)                                               // [B, C, D, d, H, h, W, w]
            .reshape(s[0], s[1] / voxels, s[2] * depth, s[3] * height, s[4] * width)
            .MoveToOuterDisposeScope();
    }
}
