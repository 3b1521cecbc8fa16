using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.SpaceToDepth;

/// <summary>
/// Moves each f×f×f block of voxels into channels: <c>[B, C, D, H, W]</c> to <c>[B, C·f³, D/f, H/f, W/f]</c>. Voxel (d, h, w) of a
/// block of channel c becomes channel <c>c·f³ + d·f² + h·f + w</c>; for one channel and f = 2 that is 4d + 2h + w. Nothing is lost or
/// scaled.
/// </summary>
[Compressor("space_to_depth", Summary = "Lossless: blocks of voxels become channels.")]
public sealed class SpaceToDepthCompressor : ICompressor<SpaceToDepthOptions>
{
    /// <inheritdoc/>
    public bool IsLearned => false;

    /// <inheritdoc/>
    public VolumeShape LatentShape(SpaceToDepthOptions options, VolumeShape volume)
    {
        var f = options.Factor;
        Fitting.RefuseRemainder(
            volume, f, "factor",
            remainder => $"{remainder.Axis} {remainder.Size} of the {volume} volume does not divide into blocks of {f}; "
                + $"pad it to {remainder.Padded} or change factor");
        return volume.Coarser(f) with { Channels = volume.Channels * f * f * f };
    }

    /// <inheritdoc/>
    public Compressor Create(SpaceToDepthOptions options, PartContext context) => new SpaceToDepth(options.Factor);

    private sealed class SpaceToDepth(int f) : Compressor(nameof(SpaceToDepth))
    {
        public override Tensor Encode(Tensor volume)
        {
            using var scope = NewDisposeScope();
            var s = volume.shape;
            if (s[2] % f != 0 || s[3] % f != 0 || s[4] % f != 0)
                throw new ArgumentException($"a volume of {s[2]}×{s[3]}×{s[4]} voxels does not divide into blocks of {f}", nameof(volume));
            return volume.reshape(s[0], s[1], s[2] / f, f, s[3] / f, f, s[4] / f, f)   // [B, C, D/f, d, H/f, h, W/f, w]
                .permute(0, 1, 3, 5, 7, 2, 4, 6)                                       // [B, C, d, h, w, D/f, H/f, W/f]
                .reshape(s[0], s[1] * f * f * f, s[2] / f, s[3] / f, s[4] / f)
                .MoveToOuterDisposeScope();
        }

        public override Tensor Decode(Tensor latent)
        {
            using var scope = NewDisposeScope();
            var s = latent.shape;
            if (s[1] % (f * f * f) != 0)
                throw new ArgumentException($"{s[1]} channels are not a multiple of the {f * f * f} voxels of a block", nameof(latent));
            return latent.reshape(s[0], s[1] / (f * f * f), f, f, f, s[2], s[3], s[4]) // [B, C, d, h, w, D/f, H/f, W/f]
                .permute(0, 1, 5, 2, 6, 3, 7, 4)                                       // [B, C, D/f, d, H/f, h, W/f, w]
                .reshape(s[0], s[1] / (f * f * f), s[2] * f, s[3] * f, s[4] * f)
                .MoveToOuterDisposeScope();
        }
    }
}
