using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Plans;

/// <summary>
/// How volumes are generated: the experiment's section <c>sampling</c>, less the keys of the sampler that <c>use:</c> names.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>Volumes to generate. Default 4.</summary>
    [Range(1, 1_000_000)]
    public int Count { get; init; } = 4;

    /// <summary>
    /// Strength w of classifier-free guidance, <c>u + w·(c − u)</c>; 1 is none. Larger values need a condition that was dropped in training. Default 1.
    /// </summary>
    [Range(1.0, 100.0)]
    public double Guidance { get; init; } = 1;

    /// <summary>Seed of the noise; volume i draws from (seed, i). Default 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Split whose conditions are used. Default test.</summary>
    [AllowedValues("train", "val", "test")]
    public string Split { get; init; } = "test";
}
