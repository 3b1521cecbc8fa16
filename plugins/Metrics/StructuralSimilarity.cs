using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// Structural similarity under a Gaussian window (Wang et al., IEEE TIP 2004, equation 13), without padding: only windows that lie
/// inside the volume count. The window is separable, so each axis is filtered by itself.
/// </summary>
internal sealed class StructuralSimilarity(int window, double sigma, double k1, double k2, double range)
{
    private readonly float[] _weights = Gaussian(window, sigma);

    /// <summary>The fewest voxels along an axis.</summary>
    public static int SmallestSide(VolumeShape volume) => Math.Min(volume.Depth, Math.Min(volume.Height, volume.Width));

    /// <summary>Means over all windows and channels of the similarity and of its contrast-structure factor.</summary>
    /// <param name="x">A volume <c>[1, C, D, H, W]</c>, each size at least the window's.</param>
    /// <param name="y">Another one.</param>
    public (double Similarity, double Contrast) Compare(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (c1, c2) = (Math.Pow(k1 * range, 2), Math.Pow(k2 * range, 2));
        // channels are filtered alike, so they go as a batch
        x = x.transpose(0, 1);
        y = y.transpose(0, 1);
        var weights = tensor(_weights, device: x.device);
        var meanX = Filter(x, weights);
        var meanY = Filter(y, weights);
        var variances = Filter(x * x, weights) - meanX * meanX + Filter(y * y, weights) - meanY * meanY;
        var covariance = Filter(x * y, weights) - meanX * meanY;

        var contrast = (covariance * S(2.0) + S(c2)) / (variances + S(c2));
        var luminance = (meanX * meanY * S(2.0) + S(c1)) / (meanX * meanX + meanY * meanY + S(c1));
        return ((luminance * contrast).mean().ToDouble(), contrast.mean().ToDouble());
    }

    private static Tensor Filter(Tensor x, Tensor weights)
    {
        x = nn.functional.conv3d(x, weights.view(1, 1, -1, 1, 1));
        x = nn.functional.conv3d(x, weights.view(1, 1, 1, -1, 1));
        return nn.functional.conv3d(x, weights.view(1, 1, 1, 1, -1));
    }

    private static float[] Gaussian(int window, double sigma)
    {
        var values = Enumerable.Range(0, window).Select(index => Math.Exp(-0.5 * Math.Pow((index - (window - 1) / 2.0) / sigma, 2))).ToArray();
        var sum = values.Sum();
        return [.. values.Select(value => (float)(value / sum))];
    }
}
