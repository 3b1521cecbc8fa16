using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Convolutions;

namespace VoxelZoo.Engine.Training;

/// <summary>Forward passes in the precision that a plan asks for.</summary>
internal static class MixedPrecision
{
    [ThreadStatic] private static bool _suspended;

    /// <summary>
    /// Readies a module for being computed in the context's precision: what libtorch gets wrong in it on a CPU is computed in float32.
    /// </summary>
    /// <param name="context">Precision and device.</param>
    /// <param name="module">The module; returned.</param>
    public static T Prepare<T>(PartContext context, T module)
        where T : nn.Module
    {
        if (context.Device.type == DeviceType.CPU)
        {
            SingleVolumes.Hasten(module);
            OddChannels.Hasten(module);
        }

        if (context.Precision != Precision.Float32 && context.Device.type == DeviceType.CPU)
            Bfloat16Convolutions.Guard(module);
        return module;
    }

    /// <summary>What is computed in the context's precision, in float32.</summary>
    /// <param name="context">Precision and device.</param>
    /// <param name="compute">The forward pass.</param>
    public static Tensor Compute(PartContext context, Func<Tensor> compute)
    {
        if (context.Precision == Precision.Float32 || _suspended)
            return compute();
        using (Autocast.Begin(context.Device, ScalarType.BFloat16))
            return compute().to(ScalarType.Float32);
    }

    /// <summary>What this thread computes with float32 whatever its context asks for.</summary>
    public static T Without<T>(Func<T> compute)
    {
        _suspended = true;
        try
        {
            return compute();
        }
        finally
        {
            _suspended = false;
        }
    }
}
