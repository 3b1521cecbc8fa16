namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>What a learning rate that falls on plateaus remembers between two validations.</summary>
public sealed record PlateauState
{
    /// <summary>The smallest validation loss so far, or null before the first.</summary>
    public double? Best { get; init; }

    /// <summary>Validations since then, or since the last fall, that were no better.</summary>
    public int Waited { get; init; }

    /// <summary>How often the rate fell.</summary>
    public int Reductions { get; init; }
}
