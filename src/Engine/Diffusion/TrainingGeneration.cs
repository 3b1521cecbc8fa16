using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// When volumes are generated and measured while a run is trained: keys of <c>training.generation</c> beside those of <c>sampling</c>.
/// </summary>
public sealed record TrainingGenerationOptions
{
    /// <summary>After every so many epochs, and after the last one. Default 10.</summary>
    [Range(1, 1_000_000)]
    public int Every { get; init; } = 10;

    /// <summary>
    /// Split whose conditions are used and with whose volumes is compared. Default val, or train where val has fewer than two patients.
    /// </summary>
    [AllowedValues("train", "val")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Split { get; init; }
}

/// <summary>
/// How volumes are generated and measured while a run is trained: <c>training.generation</c>, laid over the section <c>sampling</c>.
/// </summary>
/// <param name="Options">When.</param>
/// <param name="Sampling">Count, seed, guidance. The split is that of the options.</param>
/// <param name="Sampler">The sampler.</param>
/// <param name="Metrics">Metrics of sets, of which the first one decides which checkpoint is <c>best_generation</c>.</param>
public sealed record TrainingGeneration(
    TrainingGenerationOptions Options, SamplingOptions Sampling, PlannedPart<ISampler> Sampler,
    IReadOnlyList<PlannedPart<IMetric>> Metrics);
