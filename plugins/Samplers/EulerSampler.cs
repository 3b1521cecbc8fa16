using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of <c>euler</c>.</summary>
public sealed record EulerOptions
{
    /// <summary>Steps from noise to data; each calls the network once. Default 25.</summary>
    [Range(1, 1000)]
    public int Steps { get; init; } = 25;
}

/// <summary>Euler's method on the probability-flow equation: <c>x ← x + (dx/dτ)·Δτ</c>, one function evaluation a step.</summary>
[Sampler("euler", Summary = "Euler's method on the process's own time grid; one network call a step.")]
public sealed class EulerSampler : ISampler<EulerOptions>
{
    /// <inheritdoc/>
    public EulerOptions Tiny => new() { Steps = 2 };

    /// <inheritdoc/>
    public Sampler Create(EulerOptions options, PartContext context) => new Euler(options.Steps);

    private sealed class Euler(int steps) : Sampler
    {
        public override Tensor Sample(SamplingTask task)
        {
            using var gradient = no_grad();
            var times = task.Process.TimeGrid(steps);
            var x = task.Noise.clone();
            try
            {
                for (var step = 0; step < steps; step++)
                {
                    task.Cancellation.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    var (t, next) = (times[step], times[step + 1]);
                    var prediction = task.Predict(x, t);
                    var derivative = task.Process.Derivative(x, prediction, full(x.shape[0], S(t), ScalarType.Float32, x.device));
                    x.add_(derivative, alpha: S((next - t) / NoiseProcess.Horizon));
                    task.Progress?.Invoke(new SamplerStep(step + 1, steps, next));
                }
            }
            catch
            {
                x.Dispose();
                throw;
            }

            return x;
        }
    }
}
