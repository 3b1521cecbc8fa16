namespace Acme.Plugin._1;

// within the namespace, so that one called My.Sampler does not hide the contract's type
using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>Steps from noise to data; each calls the network once. Default 20.</summary>
    [Range(1, 1000)]
    public int Steps { get; init; } = 20;
}

/// <summary>
/// The two-step Adams–Bashforth method on the probability-flow equation: second order for one network call a step, because the
/// slope of the step
/// before is used again. The first step is Euler's.
/// </summary>
[Sampler("part_id", Summary = "Two-step Adams–Bashforth; one network call a step.")]
public sealed class PartNameSampler : ISampler<PartNameOptions>
{
    /// <inheritdoc/>
    public PartNameOptions Tiny => new() { Steps = 3 };

    /// <inheritdoc/>
    public Sampler Create(PartNameOptions options, PartContext context) => new AdamsBashforth(options.Steps);

    private sealed class AdamsBashforth(int steps) : Sampler
    {
        public override Tensor Sample(SamplingTask task)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var times = task.Process.TimeGrid(steps);
            var (x, before, last) = (task.Noise.clone(), (Tensor?)null, 0.0); // the slope of the step before, and that step's length
            for (var step = 0; step < steps; step++)
            {
                task.Cancellation.ThrowIfCancellationRequested();
                var h = (times[step + 1] - times[step]) / NoiseProcess.Horizon;
                var slope = Slope(task, x, times[step]);
                var next = before is null
                    ? x + slope * S(h)
                    : x + slope * S(h + h * h / (2 * last)) - before * S(h * h / (2 * last));
                x.Dispose();
                before?.Dispose();
                (x, before, last) = (next, slope, h);
                task.Progress?.Invoke(new SamplerStep(step + 1, steps, times[step + 1]));
            }

            return x.MoveToOuterDisposeScope();
        }

        private static Tensor Slope(SamplingTask task, Tensor x, double t)
        {
            using var scope = NewDisposeScope();
            var timesteps = full(x.shape[0], S(t), ScalarType.Float32, x.device);
            return task.Process.Derivative(x, task.Predict(x, t), timesteps).MoveToOuterDisposeScope();
        }
    }
}
