using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// Structural similarity under a Gaussian window (Wang et al., IEEE TIP 2004, equation 13), without padding: only windows that lie
/// inside the volume count. The window is separable, so each axis is filtered by itself. Moments are float64: a variance is a small
/// difference of large numbers, which float32 makes negative where intensities hardly vary.
/// </summary>
internal sealed class StructuralSimilarity(int window, double sigma, double k1, double k2, double range)
{
    private readonly double[] _weights = Gaussian(window, sigma);

    /// <summary>The fewest voxels along an axis.</summary>
    public static int SmallestSide(VolumeShape volume) => Math.Min(volume.Depth, Math.Min(volume.Height, volume.Width));

    /// <summary>Means over all windows and channels of the similarity and of its contrast-structure factor.</summary>
    /// <param name="x">A volume <c>[1, C, D, H, W]</c>, each size at least the window's.</param>
    /// <param name="y">Another one.</param>
    public (double Similarity, double Contrast) Compare(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (c1, c2) = (Math.Pow(k1 * range, 2), Math.Pow(k2 * range, 2));
        x = x.to_type(ScalarType.Float64);
        y = y.to_type(ScalarType.Float64);
        var (meanX, meanY) = (Filter(x), Filter(y));
        var variances = Filter(x * x) - meanX * meanX + Filter(y * y) - meanY * meanY;
        var covariance = Filter(x * y) - meanX * meanY;

        var contrast = (covariance * S(2.0) + S(c2)) / (variances + S(c2));
        var luminance = (meanX * meanY * S(2.0) + S(c1)) / (meanX * meanX + meanY * meanY + S(c1));
        return ((luminance * contrast).mean().ToDouble(), contrast.mean().ToDouble());
    }

    /// <summary>
    /// Weighted means over windows: each axis is multiplied by a band matrix, which float64 does faster than a convolution.
    /// </summary>
    private Tensor Filter(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (depth, height, width) = (x.shape[2], x.shape[3], x.shape[4]);
        x = x.matmul(Band(width, x.device).transpose(0, 1));
        x = Band(height, x.device).matmul(x);
        x = Band(depth, x.device).matmul(x.flatten(3)).view(x.shape[0], x.shape[1], depth - window + 1, x.shape[3], x.shape[4]);
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The window at each place where it lies within <paramref name="length"/> voxels, <c>[length - window + 1, length]</c>.
    /// </summary>
    private Tensor Band(long length, Device device)
    {
        var places = length - window + 1;
        var band = new double[places, length];
        for (var place = 0; place < places; place++)
        {
            for (var index = 0; index < window; index++)
                band[place, place + index] = _weights[index];
        }

        return tensor(band, device: device);
    }

    private static double[] Gaussian(int window, double sigma)
    {
        var values = Enumerable.Range(0, window)
            .Select(index => Math.Exp(-0.5 * Math.Pow((index - (window - 1) / 2.0) / sigma, 2))).ToArray();
        var sum = values.Sum();
        return [.. values.Select(value => value / sum)];
    }
}
