using System.Numerics;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.WDM;

/// <summary>
/// One level of the orthonormal Haar wavelet transform, as the wavelet diffusion models use it (WDM, arXiv:2402.19043):
/// <c>[B, C, D, H, W]</c> to <c>[B, 8·C, D/2, H/2, W/2]</c>. Of each pair of voxels along an axis, low is <c>(even + odd)/√2</c>
/// and high is <c>(even − odd)/√2</c>. The latent is band-major: LLL of all channels, then LLH, LHL, LHH, HLL, HLH, HHL, HHH.
/// The letters follow D, H, W, so band (d, h, w), high being 1, of channel c is channel <c>(4d + 2h + w)·C + c</c>.
/// Norms and inner products are those of the volume.
/// </summary>
[Compressor("haar", Summary = "Lossless: eight bands of the orthonormal Haar wavelet, at half size, become channels.")]
public sealed class HaarCompressor : ICompressor<HaarOptions>
{
    /// <inheritdoc/>
    public IReadOnlyList<PartConflict> Conflicts =>
    [
        new(
            PartKind.Strategy,
            "rflow",
            "seven of eight bands are almost nothing but noise, and networks that return the velocity have failed on them; "
            + "prediction: sample, or ddpm with prediction: sample, has worked",
            IsRefused: false),
    ];

    /// <inheritdoc/>
    public HaarOptions Tiny => new() { Rescale = true, LowPassDivisor = 3 };

    /// <inheritdoc/>
    public bool IsLearned => false;

    /// <inheritdoc/>
    public VolumeShape LatentShape(HaarOptions options, VolumeShape volume)
    {
        Fitting.RefuseRemainder(
            volume, 2, null,
            remainder => $"{remainder.Axis} {remainder.Size} of the {volume} volume is odd, but the Haar transform takes voxels in pairs; "
                + $"pad it to {remainder.Padded}");
        return volume.Coarser(2) with { Channels = 8 * volume.Channels };
    }

    /// <inheritdoc/>
    public Compressor Create(HaarOptions options, PartContext context) => new Haar(options);

    // Each block of 2×2×2 voxels is multiplied by one 8×8 matrix. There and back, that is 1.7 times as fast as adding and subtracting
    // slices axis by axis, and 2.4 times as fast as strided convolutions (docs/compressors.md).
    private sealed class Haar(HaarOptions options) : Compressor(nameof(Haar))
    {
        public override Tensor Encode(Tensor volume)
        {
            using var scope = NewDisposeScope();
            using var exact = Autocast.Suspend(volume.device);
            var s = volume.shape;
            if (s[2] % 2 != 0 || s[3] % 2 != 0 || s[4] % 2 != 0)
                throw new ArgumentException($"a volume of {s[2]}×{s[3]}×{s[4]} voxels does not divide into pairs", nameof(volume));
            if (options.Rescale)
                volume = (volume * S(2.0)).sub_(S(1.0));
            var blocks = volume.reshape(s[0], s[1], s[2] / 2, 2, s[3] / 2, 2, s[4] / 2, 2) // [B, C, D/2, d, H/2, h, W/2, w]
                .permute(0, 3, 5, 7, 1, 2, 4, 6)                                           // [B, d, h, w, C, D/2, H/2, W/2]
                .reshape(s[0], 8, -1);
            return matmul(Like(volume, Hadamard() / Divisors().view(8, 1)), blocks)
                .view(s[0], 8 * s[1], s[2] / 2, s[3] / 2, s[4] / 2)
                .MoveToOuterDisposeScope();
        }

        public override Tensor Decode(Tensor latent)
        {
            using var scope = NewDisposeScope();
            using var exact = Autocast.Suspend(latent.device);
            var s = latent.shape;
            if (s[1] % 8 != 0)
                throw new ArgumentException($"{s[1]} channels are not a multiple of the 8 bands", nameof(latent));
            var channels = s[1] / 8;
            var volume = matmul(Like(latent, Hadamard() * Divisors()), latent.reshape(s[0], 8, -1))
                .view(s[0], 2, 2, 2, channels, s[2], s[3], s[4])                           // [B, d, h, w, C, D/2, H/2, W/2]
                .permute(0, 4, 5, 1, 6, 2, 7, 3)                                           // [B, C, D/2, d, H/2, h, W/2, w]
                .reshape(s[0], channels, 2 * s[2], 2 * s[3], 2 * s[4]);
            if (options.Rescale)
                volume = volume.add_(S(1.0)).div_(S(2.0));
            return volume.MoveToOuterDisposeScope();
        }

        // The transform of a block, float64 [band, voxel]: the sign is − where band and voxel are both 1 on an odd number of axes.
        // The matrix is symmetric and orthogonal, hence its own inverse.
        private static Tensor Hadamard()
        {
            var signs = new double[64];
            for (var band = 0; band < 8; band++)
                for (var voxel = 0; voxel < 8; voxel++)
                    signs[8 * band + voxel] = BitOperations.PopCount((uint)(band & voxel)) % 2 == 0 ? 1 : -1;
            return tensor(signs).view(8, 8) / S(Math.Sqrt(8));
        }

        // what each band is divided by in the latent
        private Tensor Divisors() => tensor([options.LowPassDivisor, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);

        private static Tensor Like(Tensor volume, Tensor matrix) => matrix.to(volume.dtype).to(volume.device);
    }
}
