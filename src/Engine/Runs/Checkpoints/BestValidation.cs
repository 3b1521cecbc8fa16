namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>The best validation of a run.</summary>
/// <param name="Epoch">Epochs done when it was measured.</param>
/// <param name="Loss">The validation loss.</param>
public sealed record BestValidation(int Epoch, double Loss);
