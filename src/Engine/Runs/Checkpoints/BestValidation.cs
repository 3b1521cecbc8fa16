using System.Text.Json.Serialization;

namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>The best validation of a run.</summary>
/// <param name="Epoch">Epochs done when it was measured.</param>
/// <param name="Loss">The validation loss.</param>
public sealed record BestValidation(int Epoch, double Loss)
{
    /// <summary>
    /// How the loss is defined: <c>training_law</c> for denoisers, whose losses by earlier versions were means over evenly spread timesteps
    /// and have nothing here; missing for compressors.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Measure { get; init; }
}
