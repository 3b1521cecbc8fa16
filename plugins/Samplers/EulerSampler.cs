using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
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

    /// <summary>
    /// The last time τ at which the network is asked: the grid is stretched so that its last time before 0 is this one, and the last step
    /// takes the clean sample that the network sees there. Default: the grid's own last time.
    /// </summary>
    [Range(1e-6, 0.5)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TauEnd { get; init; }
}

/// <summary>Euler's method on the probability-flow equation: <c>x ← x + (dx/dτ)·Δτ</c>, one function evaluation a step.</summary>
[Sampler("euler", Summary = "Euler's method on the process's own time grid; one network call a step.")]
public sealed class EulerSampler : ISampler<EulerOptions>
{
    /// <inheritdoc/>
    public EulerOptions Tiny => new() { Steps = 2 };

    /// <inheritdoc/>
    public Sampler Create(EulerOptions options, PartContext context) => new Euler(options.Steps, EarlyEnd.Of(options.TauEnd));

    private sealed class Euler(int steps, EarlyEnd? end) : Sampler
    {
        public override Tensor Sample(SamplingTask task)
        {
            using var gradient = no_grad();
            var times = end?.TimeGrid(task.Process, steps) ?? task.Process.TimeGrid(steps);
            var x = task.Noise.clone();
            try
            {
                for (var step = 0; step < steps; step++)
                {
                    task.Cancellation.ThrowIfCancellationRequested();
                    Advance(task, x, times[step], times[step + 1], isLast: step + 1 == steps);
                    task.Progress?.Invoke(new SamplerStep(step + 1, steps, times[step + 1]));
                }
            }
            catch
            {
                x.Dispose();
                throw;
            }

            return x;
        }

        private void Advance(SamplingTask task, Tensor x, double t, double next, bool isLast)
        {
            using var scope = NewDisposeScope();
            if (isLast && end is not null)
            {
                x.copy_(EarlyEnd.Clean(task, x, t));
                return;
            }

            var prediction = task.Predict(x, t);
            var derivative = task.Process.Derivative(x, prediction, full(x.shape[0], S(t), ScalarType.Float32, x.device));
            x.add_(derivative, alpha: S((next - t) / NoiseProcess.Horizon));
        }
    }
}
