using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>What a sweep is told by the command line.</summary>
internal sealed record SweepRequest
{
    /// <summary>Values over the run's experiment.</summary>
    public required IReadOnlyList<Assignment> Sets { get; init; }

    /// <summary>Metrics by id or as a section of YAML; none for <see cref="SweepMetrics.Default"/> and those of the experiment.</summary>
    public required IReadOnlyList<string> Metrics { get; init; }

    /// <summary>The split of the conditions; null for val, or test where there is no val.</summary>
    public required string? ConditionSplit { get; init; }

    /// <summary>The split of the real volumes.</summary>
    public required string Against { get; init; }

    /// <summary>The option that names the sampler, or null where it is one of those that every sweep tries.</summary>
    public string? SamplerOption { get; init; }

    /// <summary><c>best</c> or <c>latest</c>.</summary>
    public required string Checkpoint { get; init; }
}
