using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

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

    /// <summary>Refuses an interval of guidance that is none, and what would change nothing.</summary>
    /// <exception cref="PlanException">One of them.</exception>
    internal void Validate()
    {
        if (GuidanceInterval is { } interval && !(interval is [>= 0 and var low, <= 1 and var high] && low < high))
            throw Refusal("guidance_interval", $"guidance_interval [{string.Join(", ", interval)}] is no interval of τ; give the lower and the upper end, such as [0.2, 0.8], from 0 (clean) to 1 (noise)");
        if (Guidance > 1)
            return;
        if (GuidanceRescale > 0)
            throw Refusal("guidance_rescale", $"guidance_rescale {GuidanceRescale} changes guided predictions, and guidance: 1 is none; raise guidance or remove it");
        if (GuidanceInterval is not null)
            throw Refusal("guidance_interval", $"guidance_interval [{string.Join(", ", GuidanceInterval)}] says where to guide, and guidance: 1 is none; raise guidance or remove it");

        static PlanException Refusal(string key, string sentence) => new PlanException(sentence, key).In("sampling");
    }
}
