using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>
/// Integration that ends at a time before τ = 0, because the network was hardly trained below. The number of steps stays: the last one
/// goes from there to the clean sample that the network sees. On rectified flow that is a step of Euler's method; on a process whose noise
/// falls like √τ such a step would leave half of it.
/// </summary>
/// <param name="tau">The time.</param>
internal sealed class EarlyEnd(double tau)
{
    /// <summary>The end at that time, or null without one.</summary>
    public static EarlyEnd? Of(double? tau) => tau is { } end ? new EarlyEnd(end) : null;

    /// <summary>Refuses an end where all steps are to be integrated.</summary>
    public static void RefuseIntegrating(double? tau)
    {
        if (tau is { } refused)
            throw new PlanException(
                $"tau_end {refused} is where terminal: euler goes on to 0, but terminal is integrate; remove one of the two", "tau_end");
    }

    /// <summary>The process's grid, stretched between its first time, which stays, and its last before 0, which becomes the end.</summary>
    public double[] TimeGrid(NoiseProcess process, int steps)
    {
        var times = process.TimeGrid(steps);
        var (first, last, end) = (times[0], times[^2], tau * NoiseProcess.Horizon);
        if (steps == 1)
            throw new PlanException(
                $"tau_end {tau} is the last time before 0, and the one step of steps: 1 has no time between; raise steps or remove tau_end",
                "tau_end");
        if (end >= first)
            throw new PlanException(
                $"tau_end {tau} is where steps end, but the time grid begins at {first / NoiseProcess.Horizon:g4}; lower it", "tau_end");
        return [.. times[..^2].Select(t => first - (first - t) * ((first - end) / (first - last))), end, 0];
    }

    /// <summary>The clean sample that the network sees in a sample, of the sample's type.</summary>
    public static Tensor Clean(SamplingTask task, Tensor x, double t)
    {
        using var scope = NewDisposeScope();
        var sample = x.to(ScalarType.Float32);
        var clean = task.Process.Clean(sample, task.Predict(sample, t), full(x.shape[0], S(t), ScalarType.Float32, x.device));
        return clean.to(x.dtype).MoveToOuterDisposeScope();
    }
}
