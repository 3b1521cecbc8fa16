using System.Security.Cryptography;
using System.Text.Json.Serialization;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>
/// What a checkpoint holds beside its tensors: <c>manifest.json</c>, with the hash of its own values as <c>sha256</c>. A checkpoint without
/// a manifest that verifies does not exist.
/// </summary>
public sealed record CheckpointManifest
{
    /// <summary>The version of the layout that this program writes and reads.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Version of the layout.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>Where training stood.</summary>
    public required TrainingPosition Position { get; init; }

    /// <summary>The best validation so far, or null.</summary>
    public BestValidation? Best { get; init; }

    /// <summary>The best that was generated so far; missing where nothing was measured.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public BestGeneration? BestGeneration { get; init; }

    /// <summary>What the guards remember; null where the run has none.</summary>
    public GuardState? Guard { get; init; }

    /// <summary>What the learning rate's schedule remembers, where validation decides on it; missing where it does not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PlateauState? Plateau { get; init; }

    /// <summary>States of the random streams, base64.</summary>
    public required IReadOnlyDictionary<string, byte[]> Random { get; init; }

    /// <summary>SHA-256 of the resolved experiment.</summary>
    public required string Experiment { get; init; }

    /// <summary>Every tensor file with its size and hash.</summary>
    public required IReadOnlyDictionary<string, FileFacts> Files { get; init; }
}

/// <summary>Where training stood between two steps.</summary>
public sealed record TrainingPosition
{
    /// <summary>Steps done.</summary>
    public long Step { get; init; }

    /// <summary>Epochs done; the epoch under way counts from here.</summary>
    public int Epoch { get; init; }

    /// <summary>Steps done of the epoch under way.</summary>
    public int StepInEpoch { get; init; }

    /// <summary>Steps that followed a gradient, over the whole run; null in checkpoints of before it was counted.</summary>
    public long? MovedSteps { get; init; }

    /// <summary>Sum of the losses of the epoch under way.</summary>
    public double LossSum { get; init; }

    /// <summary>Sum of the gradient norms of the epoch under way.</summary>
    public double GradientNormSum { get; init; }

    /// <summary>Steps of the epoch under way that changed no weight.</summary>
    public int SkippedInEpoch { get; init; }

    /// <summary>Steps of the epoch under way whose loss or gradient was not finite; they are not in the sums.</summary>
    public int NonFiniteInEpoch { get; init; }

    /// <summary>Seconds of the epoch under way.</summary>
    public double EpochSeconds { get; init; }

    /// <summary>Seconds spent training in all.</summary>
    public double TrainingSeconds { get; init; }
}
