using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>The space in which a plan diffuses: which images are compressed, by what, and what is done to the latents.</summary>
public sealed record LatentSpace
{
    /// <summary>How the volumes are prepared.</summary>
    public required DataOptions Data { get; init; }

    /// <summary>Kinds of images that have to be read.</summary>
    public required IReadOnlyList<string> Kinds { get; init; }

    /// <summary>Kinds that are generated.</summary>
    public required IReadOnlyList<string> Target { get; init; }

    /// <summary>Kinds that they are generated from; there may be none.</summary>
    public required IReadOnlyList<string> Condition { get; init; }

    /// <summary>Maps the target, and the image condition.</summary>
    public required PlannedPart<ICompressor> Compressor { get; init; }

    /// <summary>What is done to its latents.</summary>
    public required LatentOptions Options { get; init; }

    /// <summary>Maps the image condition instead of <see cref="Compressor"/>; null where both share one.</summary>
    public PlannedPart<ICompressor>? ConditionCompressor { get; init; }

    /// <summary>The same of the condition's own compressor.</summary>
    public required LatentOptions ConditionOptions { get; init; }

    /// <summary>Seed of what a compressor without trained weights draws.</summary>
    public required long Seed { get; init; }

    /// <summary>Whether there is an image condition.</summary>
    public bool HasCondition => Condition.Count > 0;

    /// <summary>Whether the latents of the target are normalised.</summary>
    public bool NormalizesTarget => Options.Normalize ?? Compressor.Part.IsLearned;

    /// <summary>Whether the latents of the image condition are normalised.</summary>
    public bool NormalizesCondition => HasCondition
        && (ConditionCompressor is null ? NormalizesTarget : ConditionOptions.Normalize ?? ConditionCompressor.Part.IsLearned);

    /// <summary>
    /// Whether volumes come back as others from a compressor that is fixed: then no run of a compressor says how much is lost.
    /// </summary>
    public bool LosesUnmeasured => Compressor is { Part.IsLearned: false } && Compressor.Call((part, options) => part.IsLossy(options));

    /// <summary>Whether latents are computed once before training: of learned compressors, whose encoders cost more than reading.</summary>
    public bool KeepsLatents => Compressor.Part.IsLearned || (HasCondition && ConditionCompressor is { Part.IsLearned: true });
}
