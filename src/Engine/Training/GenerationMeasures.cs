using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>What volumes are like that a model generates while it is trained.</summary>
/// <param name="Deciding">
/// What decides which checkpoint generates best: a metric, what it compares with, and of what volumes. Values of another description are
/// not compared with it.
/// </param>
/// <param name="Value">Its value; null where it has none.</param>
/// <param name="Order">Which value of it is better.</param>
/// <param name="Measures">All that was measured, by name.</param>
public sealed record GenerationMeasures(string Deciding, double? Value, MetricOrder Order, IReadOnlyDictionary<string, double> Measures)
{
    /// <summary>Seconds that it took.</summary>
    public double Seconds { get; init; }

    /// <summary>Why the deciding metric has no value, one sentence; null where it has one.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether this is better than what was the best before: by the same metric; what was measured otherwise gives way.</summary>
    internal bool IsBetterThan(BestGeneration? best) => Value is { } value && double.IsFinite(value)
        && (best is null || best.Measure != Deciding || Order.Rank(value) < Order.Rank(best.Value));
}
