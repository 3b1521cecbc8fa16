namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>
/// The best that was measured of volumes that a run generated while it was trained: the checkpoint <c>best_generation</c>.
/// </summary>
/// <param name="Epoch">Epochs done when it was measured.</param>
/// <param name="Value">The value.</param>
/// <param name="Measure">What it is of: a metric, what it compares with, and of what volumes. Others do not compare.</param>
public sealed record BestGeneration(int Epoch, double Value, string Measure);
