using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>Mean and standard deviation of each channel of a latent over all voxels of all volumes of the training split.</summary>
/// <param name="Mean">One number for each channel.</param>
/// <param name="Deviation">Likewise, at least <see cref="SmallestDeviation"/>.</param>
public sealed record LatentStatistics(IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    /// <summary>A channel that is constant is divided by this.</summary>
    public const double SmallestDeviation = 1e-6;

    /// <summary><c>(z − mean) / deviation</c> for each channel of <c>[B, C, d, h, w]</c>.</summary>
    public Tensor Normalize(Tensor latent)
    {
        using var scope = torch.NewDisposeScope();
        return ((latent - Column(Mean, latent)) / Column(Deviation, latent)).MoveToOuterDisposeScope();
    }

    /// <summary>The inverse of <see cref="Normalize"/>.</summary>
    public Tensor Denormalize(Tensor latent)
    {
        using var scope = torch.NewDisposeScope();
        return (latent * Column(Deviation, latent) + Column(Mean, latent)).MoveToOuterDisposeScope();
    }

    private static Tensor Column(IReadOnlyList<double> values, Tensor like) =>
        torch.tensor([.. values.Select(v => (float)v)], device: like.device).view(1, -1, 1, 1, 1);
}

/// <summary>Adds up latents to their statistics, in float64.</summary>
internal sealed class LatentMoments
{
    private double[] _sums = [], _squares = [];
    private long _voxels;

    /// <summary>Adds a latent <c>[B, C, d, h, w]</c>.</summary>
    public void Add(Tensor latent)
    {
        using var scope = torch.NewDisposeScope();
        var exact = latent.to(ScalarType.Float64);
        var (sums, squares) = (Of(exact), Of(exact.square()));
        _sums = _voxels == 0 ? sums : [.. _sums.Zip(sums, (a, b) => a + b)];
        _squares = _voxels == 0 ? squares : [.. _squares.Zip(squares, (a, b) => a + b)];
        _voxels += latent.numel() / latent.shape[1];

        static double[] Of(Tensor x) => x.sum([0, 2, 3, 4]).cpu().data<double>().ToArray();
    }

    /// <summary>Total variance: within volumes and between them.</summary>
    public LatentStatistics Statistics()
    {
        var means = _sums.Select(sum => sum / _voxels).ToArray();
        return new LatentStatistics(
            means,
            [
                .. _squares.Zip(
                    means,
                    (square, mean) => Math.Max(Math.Sqrt(Math.Max(square / _voxels - mean * mean, 0)), LatentStatistics.SmallestDeviation)),
            ]);
    }
}

/// <summary>The statistics of a run: those of the target's latent and of the condition's, each null where it is not normalised.</summary>
/// <param name="Target">Of the target.</param>
/// <param name="Condition">Of the image condition.</param>
public sealed record LatentNormalization(LatentStatistics? Target, LatentStatistics? Condition)
{
    /// <summary>Latents as they are.</summary>
    public static LatentNormalization None { get; } = new(null, null);
}
