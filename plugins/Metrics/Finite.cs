using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>What every metric asks of what it is given: a NaN compares as false, and would count as a voxel outside a mask.</summary>
internal static class Finite
{
    /// <exception cref="ArgumentException">A value is NaN or infinite.</exception>
    public static void Require(Tensor tensor, string name)
    {
        if (FiniteValues.Complaint(tensor) is { } complaint)
            throw new ArgumentException($"of `{name}`, {complaint}");
    }
}
