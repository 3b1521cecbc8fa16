using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>How a step goes on from the estimates of x0 and ε: to <c>α'·x0 + direction·ε + fresh·z</c>, z ~ N(0, 1).</summary>
/// <param name="process">The process.</param>
/// <param name="t">The time of the estimates.</param>
/// <param name="earlier">The time to go to.</param>
internal delegate (double Direction, double Fresh) Continuation(NoiseProcess process, double t, double earlier);

/// <summary>
/// Samplers that estimate the clean sample and the noise at each time of the process's grid and put the sample at the next time together
/// from them; one function evaluation a step. Noise is drawn on the CPU, so that it is the same on every device, and only where a step adds
/// any.
/// </summary>
/// <param name="steps">Steps.</param>
/// <param name="clip">
/// Whether the estimate of the clean sample is brought to that of a volume from 0 to 1, and that of the noise adapted to it.
/// </param>
/// <param name="continuation">What tells the samplers apart.</param>
internal sealed class EstimatingSampler(int steps, bool clip, Continuation continuation) : Sampler
{
    public override Tensor Sample(SamplingTask task)
    {
        if (clip && task.ClipClean is null)
            throw new PlanException(
                "clip: true needs estimates that can be brought to volumes from 0 to 1, but those of a learned latent cannot; "
                + "use clip: false",
                "clip");

        using var gradient = no_grad();
        var times = task.Process.TimeGrid(steps);
        var x = task.Noise.clone();
        try
        {
            for (var step = 0; step < steps; step++)
            {
                task.Cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var (t, earlier) = (times[step], times[step + 1]);
                var (clean, noise) = Estimates(task, x, t);
                var (direction, fresh) = continuation(task.Process, t, earlier);
                var next = clean * S(task.Process.Alpha(earlier)) + noise * S(direction);
                if (fresh > 0)
                    next.add_(randn(x.shape, generator: task.Random).to(x.device), alpha: S(fresh));
                x.copy_(next);
                task.Progress?.Invoke(new SamplerStep(step + 1, steps, earlier));
            }
        }
        catch
        {
            x.Dispose();
            throw;
        }

        return x;
    }

    private (Tensor Clean, Tensor Noise) Estimates(SamplingTask task, Tensor x, double t)
    {
        var timesteps = full(x.shape[0], S(t), ScalarType.Float32, x.device);
        var prediction = task.Predict(x, t);
        var clean = task.Process.Clean(x, prediction, timesteps);
        if (!clip)
            return (clean, task.Process.Noise(x, prediction, timesteps));
        clean = task.ClipClean!(clean);
        // what x is made of besides that clean sample
        return (clean, (x - clean * S(task.Process.Alpha(t))) / S(task.Process.Sigma(t)));
    }
}
