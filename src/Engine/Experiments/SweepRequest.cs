using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// What a sweep is asked for, beside the options of sampling of its experiment: their count, seed and guidance are those of the sweep.
/// </summary>
public sealed record SweepRequest
{
    /// <summary>
    /// Metrics by id, or as an item of the section <c>evaluation</c> may name them; by default fid, kid and cmmd, and those of the
    /// experiment.
    /// </summary>
    public IReadOnlyList<string> Metrics { get; init; } = [];

    /// <summary>The split of the conditions; by default val, or test where there is no val.</summary>
    public string? ConditionSplit { get; init; }

    /// <summary>The split of the real volumes. Default train.</summary>
    public string Against { get; init; } = Cohort.Train;

    /// <summary>Who names the sampler, which a refusal of it names; null where it is one of those that every sweep tries.</summary>
    public string? SamplerBy { get; init; }

    /// <summary><c>best</c>, the default, or <c>latest</c>.</summary>
    public string Checkpoint { get; init; } = EvaluatedOptions.Best;
}
