namespace VoxelZoo.Engine.Plans;

/// <summary>Options that say where weights come from that a run uses and does not change.</summary>
public interface IWeightSource
{
    /// <summary>A run's folder, or an experiment's id for its newest run.</summary>
    string? From { get; }

    /// <summary>An experiment to train first; excludes <see cref="From"/>.</summary>
    TrainFirstOptions? TrainFirst { get; }
}

/// <summary>An experiment that is trained before the one that names it, on the same cohort.</summary>
public sealed record TrainFirstOptions
{
    /// <summary>The experiment: its id or file.</summary>
    public required string Experiment { get; init; }

    /// <summary>The profile that is laid over it. Default: none.</summary>
    public string? Profile { get; init; }
}
