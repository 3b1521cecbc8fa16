using System.IO.Compression;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace Acme.UViT;

/// <summary>
/// The orthonormal cosine transform (DCT-II) of blocks of voxels, of which the low frequencies are kept and each is divided by its
/// spread in a real head, so that all of them are of unit size (DCTdiff, arXiv:2412.15032, which diffuses them by a U-ViT):
/// <c>[B, C, D, H, W]</c> to <c>[B, C·k³, D/b, H/b, W/b]</c>, channel <c>((c·k + i)·k + j)·k + l</c> of frequencies i, j, l along D, H, W.
/// Fixed, and lossy where fewer frequencies are kept than there are.
/// </summary>
[Compressor("dct", Summary = "Low frequencies of blocks of voxels, each by its spread in a real head; fixed and lossy.")]
public sealed class DctCompressor : ICompressor<DctOptions>
{
    private const string Spreads = "dct/dct.safetensors.gz";

    /// <inheritdoc/>
    public bool IsLearned => false;

    /// <inheritdoc/>
    public bool IsLossy(DctOptions options) => options.Keep < options.Block;

    /// <inheritdoc/>
    public VolumeShape LatentShape(DctOptions options, VolumeShape volume)
    {
        if (options.Keep > options.Block)
            throw new PlanException($"keep {options.Keep} is more than a block's {options.Block} frequencies; use {options.Block}", "keep");
        Fitting.RefuseRemainder(
            volume, options.Block, "block",
            remainder => $"{remainder.Axis} {remainder.Size} of the volume does not divide into blocks of {options.Block}; "
                + $"pad it to {remainder.Padded} or change block");
        return volume.Coarser(options.Block) with { Channels = volume.Channels * options.Keep * options.Keep * options.Keep };
    }

    /// <inheritdoc/>
    public Compressor Create(DctOptions options, PartContext context)
    {
        var folder = context.PluginFolder
            ?? throw new PlanException("dct reads a file of its plugin, whose folder this host does not tell; use a later host", "use");
        using var file = new GZipStream(File.OpenRead(Path.Combine(folder, Spreads)), CompressionMode.Decompress);
        using var spreads = SafetensorsFile.Read(file, Spreads);
        return new Dct(options.Block, options.Keep, [.. spreads[$"block_{options.Block}"].data<float>()]);
    }

    private sealed class Dct(int block, int keep, float[] spreads) : Compressor(nameof(Dct))
    {
        public override Tensor Encode(Tensor volume)
        {
            using var scope = NewDisposeScope();
            using var exact = Autocast.Suspend(volume.device);
            var (s, cosines) = (volume.shape, Cosines(volume));
            var blocks = volume.reshape(s[0], s[1], s[2] / block, block, s[3] / block, block, s[4] / block, block);
            return (einsum("ip,jq,kr,bcdphqwr->bcijkdhw", cosines, cosines, cosines, blocks) / Spread(volume))
                .flatten(1, 4)                                                       // [B, C·k³, D/b, H/b, W/b]
                .MoveToOuterDisposeScope();
        }

        public override Tensor Decode(Tensor latent)
        {
            using var scope = NewDisposeScope();
            using var exact = Autocast.Suspend(latent.device);
            var (s, cosines) = (latent.shape, Cosines(latent));
            var channels = s[1] / (keep * keep * keep);
            var coefficients = latent.reshape(s[0], channels, keep, keep, keep, s[2], s[3], s[4]) * Spread(latent);
            return einsum("ip,jq,kr,bcijkdhw->bcdphqwr", cosines, cosines, cosines, coefficients)
                .reshape(s[0], channels, block * s[2], block * s[3], block * s[4])
                .MoveToOuterDisposeScope();
        }

        /// <summary>The kept rows of the orthonormal transform, <c>[k, b]</c>.</summary>
        private Tensor Cosines(Tensor like)
        {
            var rows = new float[keep * block];
            for (var frequency = 0; frequency < keep; frequency++)
                for (var voxel = 0; voxel < block; voxel++)
                    rows[frequency * block + voxel] = (float)(Math.Sqrt((frequency == 0 ? 1.0 : 2.0) / block)
                        * Math.Cos(Math.PI * (2 * voxel + 1) * frequency / (2 * block)));
            return tensor(rows, [keep, block]).to(like.dtype).to(like.device);
        }

        /// <summary>Spreads of the kept coefficients, <c>[1, 1, k, k, k, 1, 1, 1]</c>.</summary>
        private Tensor Spread(Tensor like) => tensor(spreads, [block, block, block])
            .narrow(0, 0, keep).narrow(1, 0, keep).narrow(2, 0, keep).reshape(1, 1, keep, keep, keep, 1, 1, 1)
            .to(like.dtype).to(like.device);
    }
}
