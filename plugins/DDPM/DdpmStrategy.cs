using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.DDPM;

/// <summary>Denoising diffusion with a fixed, variance-preserving schedule of a thousand steps (arXiv:2006.11239).</summary>
[Strategy("ddpm", Summary = "Denoising diffusion: cosine or linear schedule; predicts noise, sample or velocity; min-SNR weighting.")]
public sealed class DdpmStrategy : INoiseStrategy<DdpmOptions>
{
    private const double DefaultBetaStart = 1e-4;
    private const double DefaultBetaEnd = 0.02;

    // sampling starts from pure noise, so hardly anything of the data may be left at the end of the schedule
    private const double LargestLastAlpha = 0.1;

    /// <inheritdoc/>
    public NoiseProcess Create(DdpmOptions options, DiffusionShape shape, PartContext context) =>
        new DenoisingDiffusion(options, options.Schedule == NoiseSchedule.Cosine ? Cosine(options) : Betas(options));

    private static SignalLevels Cosine(DdpmOptions options) =>
        options is { BetaStart: null, BetaEnd: null }
            ? SignalLevels.Cosine()
            : throw new PlanException(
                "the cosine schedule has no betas to choose; remove beta_start and beta_end, or use schedule: linear_beta",
                options.BetaStart is null ? "beta_end" : "beta_start");

    private static SignalLevels Betas(DdpmOptions options)
    {
        var (start, end) = (options.BetaStart ?? DefaultBetaStart, options.BetaEnd ?? DefaultBetaEnd);
        if (start > end)
            throw new PlanException(
                $"beta_start {start} is more than beta_end {end}, but noise grows from step to step; exchange them", "beta_start");
        var levels = options.Schedule == NoiseSchedule.LinearBeta
            ? SignalLevels.LinearBeta(start, end)
            : SignalLevels.ScaledLinearBeta(start, end);
        var left = levels.Alpha(NoiseProcess.Horizon);
        if (left >= LargestLastAlpha)
            throw new PlanException(
                $"betas from {start} to {end} leave the data with a weight of {left:F2} at t = 1000, "
                + $"but sampling starts from pure noise; raise beta_end until it is below {LargestLastAlpha}",
                "beta_end");
        return levels;
    }
}
