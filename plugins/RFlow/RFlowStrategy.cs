using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.RFlow;

/// <summary>Rectified flow: data and noise joined by straight lines (arXiv:2209.03003).</summary>
[Strategy("rflow", Summary = "Rectified flow with logit-normal, uniform or mixed times and a resolution-dependent time law.")]
public sealed class RFlowStrategy : INoiseStrategy<RFlowOptions>
{
    /// <inheritdoc/>
    public NoiseProcess Create(RFlowOptions options, DiffusionShape shape, PartContext context)
    {
        RefuseUnread(options);
        var compared = options.TransformBase == TransformBase.Volume ? shape.Volume : shape.Latent;
        var flow = new RectifiedFlow(options, options.TransformScale * Math.Cbrt((double)shape.Latent.Voxels / compared.Voxels));
        if (options.SigmaData == 0)
            return flow;
        return options.Prediction == Prediction.Velocity
            ? new PreconditionedFlow(flow, options.SigmaData)
            : throw new PlanException(
                $"sigma_data {options.SigmaData} preconditions the velocity, "
                + $"but prediction is {options.Prediction.ToString().ToLowerInvariant()}; use prediction: velocity or sigma_data: 0",
                "sigma_data");
    }

    /// <summary>What no law reads is refused, because it would do nothing.</summary>
    private static void RefuseUnread(RFlowOptions options)
    {
        if (options is { UniformShare: { } share, Sampling: not TimeSampling.Mixture })
            throw new PlanException(
                $"uniform_share {share} is of sampling: mixture, but sampling is "
                + $"{(options.Sampling == TimeSampling.Uniform ? "uniform" : "logit_normal")}; use mixture or remove it",
                "uniform_share");
        if (options is { Sampling: TimeSampling.Uniform } and not { Loc: 0, Scale: 1 })
            throw new PlanException(
                FormattableString.Invariant($"loc {options.Loc} and scale {options.Scale} are of the logit-normal, and sampling is ")
                + "uniform; use logit_normal or mixture, or remove them",
                options.Loc == 0 ? "scale" : "loc");
        if (options is { SnrGamma: { } gamma, LossWeighting: not LossWeighting.MinSnr })
            throw new PlanException(
                FormattableString.Invariant($"snr_gamma {gamma} is of loss_weighting: min_snr, but loss_weighting is ")
                + $"{Name(options.LossWeighting)}; use min_snr or remove it",
                "snr_gamma");
        if (options is { LossWeighting: LossWeighting.MinSnr, SigmaData: > 0 and var sigma })
            throw new PlanException(
                FormattableString.Invariant($"loss_weighting min_snr weighs errors of the clean sample, and with sigma_data {sigma} ")
                + "the loss is of a preconditioned output; use one of the two",
                "loss_weighting");
        if (options is { LargestWeight: { } largest, LossWeighting: not LossWeighting.InverseSquare })
            throw new PlanException(
                $"largest_weight {largest} is of loss_weighting: inverse_square, but loss_weighting is "
                + $"{Name(options.LossWeighting)}; use inverse_square or remove it",
                "largest_weight");
    }

    private static string Name(LossWeighting weighting) => weighting switch
    {
        LossWeighting.MinSnr => "min_snr",
        LossWeighting.InverseSquare => "inverse_square",
        _ => weighting.ToString().ToLowerInvariant(),
    };
}
