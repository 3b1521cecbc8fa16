using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>The equation <c>dx/dτ = f(τ, x)</c>, τ = t/1000, that leads from noise (τ = 1) to data (τ = 0).</summary>
internal static class ProbabilityFlow
{
    /// <summary>The task's equation for a float64 state; the network sees it in float32. Each evaluation calls the network once.</summary>
    public static Slope Of(SamplingTask task) => (tau, x) =>
    {
        using var scope = NewDisposeScope();
        var t = tau * NoiseProcess.Horizon;
        var sample = x.to(ScalarType.Float32);
        var prediction = task.Predict(sample, t);
        var derivative = task.Process.Derivative(sample, prediction, full(x.shape[0], S(t), ScalarType.Float32, x.device));
        return derivative.to(ScalarType.Float64).MoveToOuterDisposeScope();
    };
}

/// <summary>How a solver takes the last step, to τ = 0, at which no network was trained.</summary>
public enum Terminal
{
    /// <summary>By Euler's method: the network is never asked at τ = 0, where it cannot see the noise that is left.</summary>
    Euler,

    /// <summary>As any other step.</summary>
    Integrate,
}
