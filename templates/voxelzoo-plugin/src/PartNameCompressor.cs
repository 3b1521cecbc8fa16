namespace Acme.Plugin._1;

// within the namespace, so that one called My.Compressor does not hide the contract's type
using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>How often the grid is halved; each time eight channels take the place of one. Default 1.</summary>
    [Range(1, 3)]
    public int Levels { get; init; } = 1;
}

/// <summary>
/// The Walsh–Hadamard transform of blocks of 2×2×2 voxels: orthonormal, so noise stays white, and lossless. Channel 0 of each
/// eight is the block's
/// sum over √8, the others are its differences along D, H and W.
/// </summary>
[Compressor("part_id", Summary = "Lossless: sums and differences of blocks of 2×2×2 voxels.")]
public sealed class PartNameCompressor : ICompressor<PartNameOptions>
{
    private const int Side = 2, Voxels = Side * Side * Side;

    /// <inheritdoc/>
    public bool IsLearned => false;

    /// <inheritdoc/>
    public VolumeShape LatentShape(PartNameOptions options, VolumeShape volume)
    {
        var (factor, channels) = (Power(Side, options.Levels), Power(Voxels, options.Levels));
        Fitting.RefuseRemainder(
            volume, factor, "levels",
            remainder => $"{remainder.Axis} {remainder.Size} of the {volume} volume does not divide by {factor}; "
                + $"pad it to {remainder.Padded} or use fewer levels");
        return volume.Coarser(factor) with { Channels = volume.Channels * channels };
    }

    /// <inheritdoc/>
    public Compressor Create(PartNameOptions options, PartContext context) => new Hadamard(options.Levels, context.Device);

    private static int Power(int factor, int exponent) =>
        Enumerable.Repeat(factor, exponent).Aggregate(1, (product, each) => product * each);

    private sealed class Hadamard : Compressor
    {
        private readonly int _levels;
        private readonly Tensor blocks; // [8, 1, 2, 2, 2], rows of the Hadamard matrix over √8

        public Hadamard(int levels, Device device)
            : base(nameof(Hadamard))
        {
            _levels = levels;
            float[] rows = [.. from row in Enumerable.Range(0, Voxels) from voxel in Enumerable.Range(0, Voxels) select Sign(row & voxel)];
            blocks = (tensor(rows, [Voxels, 1, Side, Side, Side]) / S(Math.Sqrt(Voxels))).to(device);
            register_buffer(nameof(blocks), blocks, persistent: false);
        }

        public override Tensor Encode(Tensor volume)
        {
            using var scope = NewDisposeScope();
            var x = volume;
            for (var level = 0; level < _levels; level++)
            {
                var s = x.shape; // [B, C, D, H, W]
                x = nn.functional.conv3d(x.reshape(s[0] * s[1], 1, s[2], s[3], s[4]), blocks, strides: [Side, Side, Side]);
                x = x.reshape(s[0], s[1] * Voxels, s[2] / Side, s[3] / Side, s[4] / Side);
            }

            return x.MoveToOuterDisposeScope();
        }

        public override Tensor Decode(Tensor latent)
        {
            using var scope = NewDisposeScope();
            var x = latent;
            for (var level = 0; level < _levels; level++)
            {
                var s = x.shape; // [B, 8·C, D/2, H/2, W/2]
                x = nn.functional.conv_transpose3d(x.reshape(-1, Voxels, s[2], s[3], s[4]), blocks, strides: [Side, Side, Side]);
                x = x.reshape(s[0], s[1] / Voxels, s[2] * Side, s[3] * Side, s[4] * Side);
            }

            return x.MoveToOuterDisposeScope();
        }

        private static float Sign(int common) => int.PopCount(common) % 2 == 0 ? 1 : -1;
    }
}
