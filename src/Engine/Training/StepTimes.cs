using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Training;

/// <summary>How long the parts of a step take.</summary>
/// <param name="clock">Measures.</param>
/// <param name="device">An accelerator is waited for: it is given work faster than it does it. The steps wait there in any case.</param>
internal sealed class StepTimes(TimeProvider clock, Device device)
{
    /// <summary>Seconds in which gradients were computed.</summary>
    public double Backward { get; set; }

    /// <summary>Seconds in which weights and averages were moved.</summary>
    public double Optimizer { get; set; }

    /// <summary>A step begins.</summary>
    public void Begin() => (Backward, Optimizer) = (0, 0);

    /// <summary>Seconds that some work takes.</summary>
    public double Of(Action work)
    {
        var start = clock.GetTimestamp();
        work();
        if (device.type == DeviceType.CUDA)
            cuda.synchronize(device);
        return clock.GetElapsedTime(start).TotalSeconds;
    }
}
