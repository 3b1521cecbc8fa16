using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
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
    public VolumeShape LatentShape(SpaceToDepthOptions options, VolumeShape volume) =>
        Fitting.BlocksAsChannels(volume, options.Factor, "factor");

    /// <inheritdoc/>
    public Compressor Create(SpaceToDepthOptions options, PartContext context) => new SpaceToDepth(options.Factor);

    private sealed class SpaceToDepth(int factor) : Compressor(nameof(SpaceToDepth))
    {
        public override Tensor Encode(Tensor volume) => VoxelBlocks.ToChannels(volume, factor);

        public override Tensor Decode(Tensor latent) => VoxelBlocks.ToVoxels(latent, factor);
    }
}
