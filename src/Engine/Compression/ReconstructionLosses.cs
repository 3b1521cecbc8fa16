using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Engine.Compression;

/// <summary>Compares a reconstruction with its volume.</summary>
/// <param name="reconstruction">Float32 <c>[B, 1, D, H, W]</c>, as the compressor returns it: for masks, logits.</param>
/// <param name="volume">Float32, likewise; from 0 to 1, masks are 0 and 1.</param>
/// <returns>0-dimensional float32 in the current dispose scope.</returns>
internal delegate Tensor ReconstructionLoss(Tensor reconstruction, Tensor volume);

/// <summary>The losses that compare a reconstruction with its volume.</summary>
internal static class ReconstructionLosses
{
    // how much more a voxel at the border of a mask counts: w0 of the U-Net
    private const double BorderWeight = 10;

    /// <summary>The loss of each name of <see cref="LossNames.OfReconstructions"/>.</summary>
    public static IReadOnlyDictionary<string, ReconstructionLoss> ByName { get; } = new Dictionary<string, ReconstructionLoss>
    {
        [LossNames.L1] = (reconstruction, volume) => F.l1_loss(reconstruction, volume),
        [LossNames.L2] = (reconstruction, volume) => F.mse_loss(reconstruction, volume),
        [LossNames.CrossEntropy] = (logits, mask) => F.binary_cross_entropy_with_logits(logits, mask),
        [LossNames.Dice] = Dice,
        [LossNames.Boundary] = Boundary,
    };

    /// <summary>
    /// Soft Dice loss (arXiv:1606.04797), the mean of each sample's <c>1 − (2·Σpm + 1) / (Σp + Σm + 1)</c> with the probabilities p and the
    /// mask m. The ones make an empty mask that is predicted empty perfect.
    /// </summary>
    private static Tensor Dice(Tensor logits, Tensor mask)
    {
        using var scope = NewDisposeScope();
        long[] all = [1, 2, 3, 4];
        var p = logits.sigmoid();
        var overlap = (p * mask).sum(all) * S(2.0) + S(1.0);
        var sizes = p.sum(all) + mask.sum(all) + S(1.0);
        return (ones_like(sizes) - overlap / sizes).mean().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Cross-entropy in which a voxel counts 1 + 10 times if its 3×3×3 neighbourhood holds both tumour and background: the weight map of
    /// the U-Net (arXiv:1505.04597, equation 2) with a band in place of its Gaussian. A weighted mean, so a volume without a border has
    /// plain cross-entropy.
    /// </summary>
    private static Tensor Boundary(Tensor logits, Tensor mask)
    {
        using var scope = NewDisposeScope();
        var weights = Border(mask) * S(BorderWeight) + S(1.0);
        return F.binary_cross_entropy_with_logits(logits, mask, weights, nn.Reduction.Sum).div(weights.sum()).MoveToOuterDisposeScope();
    }

    /// <summary>1 where a voxel's 3×3×3 neighbourhood holds both, else 0.</summary>
    private static Tensor Border(Tensor mask)
    {
        var dilated = F.max_pool3d(mask, [3, 3, 3], [1, 1, 1], [1, 1, 1]);
        var eroded = F.max_pool3d(mask.neg(), [3, 3, 3], [1, 1, 1], [1, 1, 1]).neg();
        return dilated - eroded;
    }
}
