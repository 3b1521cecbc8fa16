using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace Acme.DpmSolver;

/// <summary>
/// DPM-Solver++(2M) (arXiv:2211.01095, algorithm 2): the probability-flow equation is solved exactly but for the estimate D of
/// the clean sample,
/// which is extrapolated in λ = log(α/σ) from the last two. It goes along the times of any strategy. The first step has no
/// estimate before it,
/// and the last, to σ = 0 where λ has no end, takes its own alone.
/// </summary>
[Sampler("dpm_solver", Summary = "DPM-Solver++(2M): second order in the log of signal to noise; one network call a step.")]
public sealed class DpmSolverSampler : ISampler<DpmSolverOptions>
{
    /// <inheritdoc/>
    public DpmSolverOptions Tiny => new() { Steps = 3 };

    /// <inheritdoc/>
    public Sampler Create(DpmSolverOptions options, PartContext context) => new Multistep(options);

    private sealed class Multistep(DpmSolverOptions options) : Sampler
    {
        public override Tensor Sample(SamplingTask task)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var times = task.Process.TimeGrid(options.Steps);
            var (x, before) = (task.Noise.clone(), (Tensor?)null);
            for (var step = 0; step < options.Steps; step++)
            {
                task.Cancellation.ThrowIfCancellationRequested();
                var clean = Clean(task, x, times[step]);
                var next = Advance(task.Process, x, clean, before, step == 0 ? null : times[step - 1], times[step], times[step + 1]);
                x.Dispose();
                before?.Dispose();
                (x, before) = (next, clean);
                task.Progress?.Invoke(new SamplerStep(step + 1, options.Steps, times[step + 1]));
            }

            return x.MoveToOuterDisposeScope();
        }

        private static Tensor Clean(SamplingTask task, Tensor x, double t)
        {
            using var scope = NewDisposeScope();
            var timesteps = full(x.shape[0], S(t), ScalarType.Float32, x.device);
            return task.Process.Clean(x, task.Predict(x, t), timesteps).MoveToOuterDisposeScope();
        }

        /// <summary>x ← (σ'/σ)·x + (α' − α·σ'/σ)·D, which is the paper's form without its logarithm, and holds at α = 0 too.</summary>
        private Tensor Advance(NoiseProcess process, Tensor x, Tensor clean, Tensor? before, double? last, double t, double next)
        {
            using var scope = NewDisposeScope();
            var shrinks = process.Sigma(next) / process.Sigma(t);
            var estimate = before is null || last is null ? clean : Extrapolated(clean, before, Share(process, last.Value, t, next));
            return (x * S(shrinks) + estimate * S(process.Alpha(next) - process.Alpha(t) * shrinks)).MoveToOuterDisposeScope();
        }

        private static Tensor Extrapolated(Tensor clean, Tensor before, double share) =>
            share == 0 ? clean : clean + (clean - before) * S(share);

        /// <summary>h/(2·h before), h of this step and the last one in λ; 0 where a step has no end, or the order is 1.</summary>
        private double Share(NoiseProcess process, double last, double t, double next)
        {
            double Lambda(double time) => Math.Log(process.Alpha(time)) - Math.Log(process.Sigma(time));
            var share = (Lambda(next) - Lambda(t)) / (2 * (Lambda(t) - Lambda(last)));
            return options.Order == 1 || !double.IsFinite(share) ? 0 : share;
        }
    }
}
