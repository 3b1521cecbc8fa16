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
    /// Samples without rejections, by which those quantiles are estimated; they are drawn for the first volume. Default 10.
    /// </summary>
    [Range(1, 10_000)]
    public int IterWarmup { get; init; } = 10;

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
        private RejectionThresholds? _thresholds;

        public override Tensor Sample(SamplingTask task)
        {
            if (task.LogDensityRatio is null)
                throw new PlanException(
                    "diffrs rejects by the judgement of a discriminator, and there is none here; "
                    + "train one with `voxelzoo train-diffrs RUN`, or use another sampler",
                    "use");
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            var path = new JudgedPath(task, options.Steps);
            _thresholds ??= RejectionThresholds.Estimate(path, options.IterWarmup, options.RejPercentile);
            return new RejectionLoop(path, _thresholds, options).Run().MoveToOuterDisposeScope();
        }
    }
}
