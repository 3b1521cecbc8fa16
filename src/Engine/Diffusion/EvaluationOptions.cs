using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>How a trained run is judged: the experiment's section <c>evaluation</c>.</summary>
public sealed record EvaluationOptions : EvaluatedOptions
{
    /// <summary>
    /// Timesteps from which the clean volume is estimated in one prediction and compared with the real one, 0 to 1000. Default 250, 500, 750.
    /// </summary>
    public IReadOnlyList<double> Timesteps { get; init; } = [250, 500, 750];
}
