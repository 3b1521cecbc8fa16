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
        return new RectifiedFlow(options, options.TransformScale * Math.Cbrt((double)shape.Latent.Voxels / compared.Voxels));
    }
}
