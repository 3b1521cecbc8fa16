using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of <c>restart</c>. Times are τ = t/1000: 0 is clean, 1 is pure noise.</summary>
public sealed record RestartOptions
{
    /// <summary>Steps from noise to data on the process's own grid, restarts not counted. Default 25.</summary>
    [Range(2, 1000)]
    public int Steps { get; init; } = 25;

    /// <summary>Steps in which each restart comes back. Default 5.</summary>
    [Range(1, 1000)]
    public int N { get; init; } = 5;

    /// <summary>Restarts. Default 1.</summary>
    [Range(1, 1000)]
    public int K { get; init; } = 1;

    /// <summary>The time from which a restart goes back to noise; the nearest one of the grid below t_max is taken. Default 0.1.</summary>
    [Range(0.0, 1.0)]
    public double TMin { get; init; } = 0.1;

    /// <summary>The time to which a restart adds noise, more than t_min. Default 0.3.</summary>
    [Range(0.0, 1.0)]
    public double TMax { get; init; } = 0.3;
}

/// <summary>
/// Restart sampling (arXiv:2306.14878, algorithm 1), for any Gaussian process: Euler's method down to t_min; from there K times noise is
/// added up to t_max and removed again by n steps of Euler's method, so that the noise forgets errors made before; then on to the data.
/// <c>steps + k·n</c> evaluations.
/// </summary>
[Sampler("restart", Summary = "Euler's method that goes back to noise and returns a number of times; steps + k·n network calls.")]
public sealed class RestartSampler : ISampler<RestartOptions>
{
    /// <inheritdoc/>
    public RestartOptions Tiny => new() { Steps = 4, N = 2, K = 2, TMin = 0.25, TMax = 0.6 };

    /// <inheritdoc/>
    public Sampler Create(RestartOptions options, PartContext context) =>
        options.TMin < options.TMax
            ? new Restarting(options)
            : throw new PlanException(
                $"a restart adds noise from t_min {options.TMin} up to t_max {options.TMax}, which must be the larger; "
                + "raise t_max or lower t_min",
                "t_max");

    private sealed class Restarting(RestartOptions options) : Sampler
    {
        // times of a grid such as 1 − 4/5 come out a little off
        private const double Rounding = 1e-6;

        public override Tensor Sample(SamplingTask task)
        {
            using var gradient = no_grad();
            using var sampling = NewDisposeScope();
            var times = task.Process.TimeGrid(options.Steps);
            var low = RestartTime(times);
            var high = options.TMax * NoiseProcess.Horizon;
            var flow = ProbabilityFlow.Of(task);
            var x = task.Noise.to(ScalarType.Float64);
            var (done, total) = (0, options.Steps + options.K * options.N);
            for (var step = 0; step < options.Steps; step++)
            {
                Euler(times[step], times[step + 1]);
                for (var restart = 0; restart < options.K && times[step + 1] == low; restart++)
                {
                    AddNoise();
                    for (var back = 0; back < options.N; back++)
                        Euler(double.Lerp(high, low, (double)back / options.N), double.Lerp(high, low, (back + 1.0) / options.N));
                }
            }

            return x.to(ScalarType.Float32).MoveToOuterDisposeScope();

            void Euler(double t, double next)
            {
                task.Cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                x.copy_(Tableaus.Euler.Step(flow, t / NoiseProcess.Horizon, next / NoiseProcess.Horizon, x));
                task.Progress?.Invoke(new SamplerStep(++done, total, next));
            }

            // what the process itself does between the two times, so that x is again one of its samples
            void AddNoise()
            {
                using var scope = NewDisposeScope();
                var noising = Posterior.Between(task.Process, high, low);
                x.mul_(S(noising.Kept)).add_(randn(x.shape, generator: task.Random).to(x.device), alpha: S(Math.Sqrt(noising.Added)));
            }
        }

        /// <summary>The time of the grid that is nearest to t_min, of those that a step reaches, above 0 and below t_max.</summary>
        private double RestartTime(double[] times)
        {
            var (least, most) = (options.TMin * NoiseProcess.Horizon, options.TMax * NoiseProcess.Horizon);
            var reached = times[1..^1].Where(t => t < most - Rounding).ToArray();
            return reached.Length > 0
                ? reached.MinBy(t => Math.Abs(t - least))
                : throw new PlanException(
                    $"none of the {options.Steps} steps ends between τ = 0 and t_max {options.TMax}, "
                    + $"the last one before 0 at {times[^2] / NoiseProcess.Horizon:g4}; raise t_max or steps",
                    "t_max");
        }
    }
}
