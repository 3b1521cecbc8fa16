namespace VoxelZoo.Engine.Plans;

/// <summary>Options that say where weights come from that a run uses and does not change.</summary>
public interface IWeightSource
{
    /// <summary>A run's folder, or an experiment's id for its newest run.</summary>
    string? From { get; }

    /// <summary>An experiment to train first; excludes <see cref="From"/>.</summary>
    string? TrainFirst { get; }
}
