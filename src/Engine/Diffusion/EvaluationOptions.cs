using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>How a trained run is judged: the experiment's section <c>evaluation</c>.</summary>
public sealed record EvaluationOptions : EvaluatedOptions
{
    /// <summary>
    /// Timesteps from which the clean volume is estimated in one prediction and compared with the real one, 0 to 1000. Default: those that
    /// the strategy calls informative (<see cref="VoxelZoo.Abstractions.NoiseProcess.InformativeTimesteps"/>): 250, 500, 750, but for
    /// strategies that know better.
    /// </summary>
    public IReadOnlyList<double>? Timesteps { get; init; }

    /// <summary>
    /// Whether metrics of sets also compare with the real volumes of all splits together, each patient once (<c>all</c>). Default false:
    /// with those of train and of each evaluated split.
    /// </summary>
    public bool Pooled { get; init; }

    /// <summary>
    /// Whether metrics of sets are also computed between real volumes, those of each evaluated split and of train: a floor for what
    /// generated ones can reach. Default false.
    /// </summary>
    public bool Floor { get; init; }
}
