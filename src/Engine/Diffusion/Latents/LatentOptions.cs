using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>
/// What the engine does with a compressor in a diffusion experiment: the keys of the sections <c>compressor</c> and
/// <c>condition.compressor</c> that are not the part's own.
/// </summary>
public sealed record LatentOptions : IWeightSource
{
    /// <summary>
    /// The run whose trained compressor is used: its folder, or the id of its experiment for the newest one in <c>runs</c>.
    /// </summary>
    public string? From { get; init; }

    /// <summary>An experiment that is trained first, into this run's folder; instead of <see cref="From"/>.</summary>
    public TrainFirstOptions? TrainFirst { get; init; }

    /// <summary>
    /// Whether each channel of the latent is brought to mean 0 and standard deviation 1 by statistics of the training split; image and
    /// condition each by their own. Default: for learned compressors.
    /// </summary>
    public bool? Normalize { get; init; }

    /// <summary>What decoding returns. Default values.</summary>
    public DecodedValues Output { get; init; } = DecodedValues.Values;
}

/// <summary>What a compressor's decoder returns.</summary>
public enum DecodedValues
{
    /// <summary>Intensities from 0 to 1.</summary>
    Values,

    /// <summary>Logits of a mask, which a sigmoid brings to 0 to 1.</summary>
    Logits,
}
