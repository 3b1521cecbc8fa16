using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of <c>diffrs</c>.</summary>
public sealed record DiffrsOptions
{
    /// <summary>Steps from noise to data on the process's own grid, rejections not counted. Default 25.</summary>
    [Range(2, 1000)]
    public int Steps { get; init; } = 25;

    /// <summary>
    /// Steps that a rejected sample goes back: 1, the default, corrects fully; 0 draws noise of the same level
    /// anew and costs no network call.
    /// </summary>
    [Range(0, 1000)]
    public int Backsteps { get; init; } = 1;

    /// <summary>The quantile of log-ratios, and of their growth, from which a sample is kept for certain. Default 0.75.</summary>
    [Range(0.0, 1.0)]
    public double RejPercentile { get; init; } = 0.75;

    /// <summary>
    /// Samples without rejections, by which those quantiles are estimated: of the first patients of the split that is sampled. Default 10.
    /// </summary>
    [Range(1, 10_000)]
    public int IterWarmup { get; init; } = 10;

    /// <summary>Seed of those samples, whatever the seed of the volumes is. Default 0.</summary>
    [Range(0L, long.MaxValue)]
    public long WarmupSeed { get; init; }

    /// <summary>Network calls after which a sample begins anew from other noise; no less than steps. Default 999,999.</summary>
    [Range(2, int.MaxValue)]
    public int MaxIter { get; init; } = 999_999;
}

/// <summary>
/// Diffusion rejection sampling (arXiv:2405.17880): Euler's method whose every step is kept or rejected by the log-ratio L of the densities
/// of real and generated data at its noise level. The first noise is kept where <c>L ≥ a[0] + ln U</c>; a step where L has not grown by
/// less than <c>a'[k] + ln U</c>. A rejected sample is taken back to noise through the estimate of the clean one that the step implied, and
/// judged there by <c>a[k]</c>.
/// </summary>
[Sampler("diffrs", Summary = "Euler's method that rejects steps by a discriminator trained for the run (train-diffrs).")]
public sealed class DiffrsSampler : ISampler<DiffrsOptions>
{
    /// <inheritdoc/>
    public DiffrsOptions Tiny => new() { Steps = 3, IterWarmup = 2 };

    /// <inheritdoc/>
    public Sampler Create(DiffrsOptions options, PartContext context) =>
        options.MaxIter >= options.Steps
            ? new Rejecting(options)
            : throw new PlanException(
                $"max_iter {options.MaxIter} ends every sample before its {options.Steps} steps are done; raise max_iter or lower steps",
                "max_iter");

    private sealed class Rejecting(DiffrsOptions options) : Sampler
    {
        private RejectionThresholds? _estimated; // where a host does not warm up

        public override int WarmUpSamples => options.IterWarmup;

        public override long WarmUpSeed => options.WarmupSeed;

        public override double[] Observe(SamplingTask task)
        {
            using var gradient = no_grad();
            return RejectionThresholds.Observe(Path(task), task.Noise)[0];
        }

        public override double[] Learn(IReadOnlyList<double[]> observations) =>
            RejectionThresholds.Of(observations, options.RejPercentile).ToNumbers();

        public override Tensor Sample(SamplingTask task)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var path = Path(task);
            return new RejectionLoop(path, Thresholds(task, path), options).Run().MoveToOuterDisposeScope();
        }

        private JudgedPath Path(SamplingTask task) => task.LogDensityRatio is not null
            ? new JudgedPath(task, options.Steps)
            : throw new PlanException(
                "diffrs rejects by the judgement of a discriminator, and there is none here; "
                + "train one with `voxelzoo train-diffrs RUN`, or use another sampler",
                "use");

        private RejectionThresholds Thresholds(SamplingTask task, JudgedPath path)
        {
            if (task.Learned is { } learned)
                return RejectionThresholds.OfNumbers(learned);
            if (_estimated is null)
            {
                double[][] observed = [.. Enumerable.Range(0, options.IterWarmup).SelectMany(_ => Observed(path))];
                _estimated = RejectionThresholds.Of(observed, options.RejPercentile);
            }

            return _estimated;
        }

        private static double[][] Observed(JudgedPath path)
        {
            using var noise = path.FreshNoise();
            return RejectionThresholds.Observe(path, noise);
        }
    }
}
