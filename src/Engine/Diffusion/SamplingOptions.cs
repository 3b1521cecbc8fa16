using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Diffusion;

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

    /// <summary>
    /// φ, how far a guided prediction is brought back to the standard deviation of the one with the condition, which guidance enlarges
    /// (arXiv:2305.08891): 0, the default, leaves it, 1 brings it back wholly.
    /// </summary>
    [Range(0.0, 1.0)]
    public double GuidanceRescale { get; init; }

    /// <summary>
    /// The noise levels τ from <c>low</c> to <c>high</c>, both included, at which predictions are guided (arXiv:2404.07724); at others the network
    /// is called once. Default: at all.
    /// </summary>
    public IReadOnlyList<double>? GuidanceInterval { get; init; }

    /// <summary>
    /// r of the times that are sampled, <c>τ' = rτ / (1 + (r − 1)τ)</c>, on top of the strategy's own (arXiv:2403.03206, section 5.3.2): above 1 steps
    /// crowd towards noise, below 1 towards the data. Training is as it was. For samplers that go along the process's grid. Default 1.
    /// </summary>
    [Range(1e-3, 1e3)]
    public double TimeShift { get; init; } = 1;

    /// <summary>Seed of the noise; volume i draws from (seed, i). Default 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Split whose conditions are used. Default test.</summary>
    [AllowedValues("train", "val", "test")]
    public string Split { get; init; } = "test";
}
