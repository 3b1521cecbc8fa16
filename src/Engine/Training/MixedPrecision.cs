using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>Forward passes in the precision that a plan asks for.</summary>
internal static class MixedPrecision
{
    /// <summary>What is computed in the context's precision, in float32.</summary>
    /// <param name="context">Precision and device.</param>
    /// <param name="compute">The forward pass.</param>
    public static Tensor Compute(PartContext context, Func<Tensor> compute)
    {
        if (context.Precision == Precision.Float32)
            return compute();
        using (Autocast.Begin(context.Device, ScalarType.BFloat16))
            return compute().to(ScalarType.Float32);
    }
}
