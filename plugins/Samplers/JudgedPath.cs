using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>
/// The way of a task's samples along the process's grid, by Euler's method, and what the discriminator says of them there.
/// </summary>
internal sealed class JudgedPath(SamplingTask task, int steps)
{
    private readonly double[] _times = task.Process.TimeGrid(steps);
    private int _done;

    /// <summary>Steps from noise to data.</summary>
    public int Steps => steps;

    /// <summary>Samples in the batch.</summary>
    public int Batch => (int)task.Noise.shape[0];

    /// <summary>The noise that sampling starts from.</summary>
    public Tensor Noise => task.Noise;

    /// <summary>Other noise, drawn on the CPU so that it is the same on every device.</summary>
    public Tensor FreshNoise() => randn(task.Noise.shape, generator: task.Random).to(task.Noise.device);

    /// <summary>Numbers from [0, 1), one for each sample.</summary>
    public double[] Uniform()
    {
        using var drawn = rand([Batch], ScalarType.Float64, generator: task.Random);
        return drawn.data<double>().ToArray();
    }

    /// <summary>
    /// The step from place <paramref name="k"/> of the grid to the next, and the clean sample that it implies. One network call.
    /// </summary>
    public (Tensor Next, Tensor Clean) Step(Tensor x, int k)
    {
        task.Cancellation.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        var (t, next) = (_times[k], _times[k + 1]);
        var timesteps = full(x.shape[0], S(t), ScalarType.Float32, x.device);
        var prediction = task.Predict(x, t);
        var moved = x + task.Process.Derivative(x, prediction, timesteps) * S((next - t) / NoiseProcess.Horizon);
        var clean = task.Process.Clean(x, prediction, timesteps);
        task.Progress?.Invoke(new SamplerStep(++_done, null, next));
        return (moved.MoveToOuterDisposeScope(), clean.MoveToOuterDisposeScope());
    }

    /// <summary>Clean samples with noise of place <paramref name="k"/> of the grid.</summary>
    public Tensor Renoise(Tensor clean, int k)
    {
        using var scope = NewDisposeScope();
        return (clean * S(task.Process.Alpha(_times[k])) + FreshNoise() * S(task.Process.Sigma(_times[k]))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The log-ratios at place <paramref name="k"/>. Finished samples are judged at the least noise of the grid: no discriminator saw less.
    /// </summary>
    public double[] Judge(Tensor x, int k)
    {
        task.Cancellation.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        return task.LogDensityRatio!(x, _times[Math.Min(k, steps - 1)]).to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }
}
