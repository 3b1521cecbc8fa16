using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.RFlow;

/// <summary>Rectified flow: data and noise joined by straight lines (arXiv:2209.03003).</summary>
[Strategy("rflow", Summary = "Rectified flow with logit-normal or uniform times and a resolution-dependent time law.")]
public sealed class RFlowStrategy : INoiseStrategy<RFlowOptions>
{
    /// <inheritdoc/>
    public NoiseProcess Create(RFlowOptions options, DiffusionShape shape, PartContext context)
    {
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
}
