using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// A Gaussian blur of volumes as scipy.ndimage has it: cut off at four deviations, with the volume mirrored at its faces.
/// </summary>
internal static class GaussianBlur
{
    private const double Reach = 4;

    /// <summary>The blurred volume, in the current dispose scope.</summary>
    /// <param name="volume"><c>[D, H, W]</c>.</param>
    /// <param name="sigma">Deviation in voxels.</param>
    public static Tensor Of(Tensor volume, double sigma)
    {
        using var scope = NewDisposeScope();
        var radius = (int)(Reach * sigma + 0.5);
        var bell = Enumerable.Range(-radius, 2 * radius + 1).Select(x => Math.Exp(-0.5 * x * x / (sigma * sigma))).ToArray();
        var blurred = volume;
        for (var axis = 0; axis < 3; axis++)
        {
            var length = volume.shape[axis];
            long[] mirrored = [.. Enumerable.Range(-radius, (int)length + 2 * radius).Select(place => Mirrored(place, length))];
            var wider = blurred.index_select(axis, tensor(mirrored, device: volume.device));
            blurred = bell.Select((weight, shift) => wider.narrow(axis, shift, length) * S(weight / bell.Sum())).Aggregate((a, b) => a + b);
        }

        return blurred.MoveToOuterDisposeScope();
    }

    // d c b a | a b c d | d c b a, however far beyond
    private static long Mirrored(long place, long length)
    {
        var within = ((place % (2 * length)) + 2 * length) % (2 * length);
        return within < length ? within : 2 * length - 1 - within;
    }
}
