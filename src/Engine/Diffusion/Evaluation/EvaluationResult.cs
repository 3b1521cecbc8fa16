using System.Text.Json.Serialization;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// What is known of a denoiser's checkpoint on a split; its <see cref="CheckpointResult.Loss"/> is the mean over volumes and quantiles of
/// the training's law of timesteps.
/// </summary>
public sealed record EvaluationResult : CheckpointResult
{
    /// <summary>The loss of a network that always returns zero.</summary>
    public required double NullLoss { get; init; }

    /// <summary>How both are defined: <c>training_law</c>; missing in files of versions that took evenly spread timesteps.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? LossMeasure { get; init; }

    /// <summary>Loss at evenly spread timesteps, without weights.</summary>
    public required IReadOnlyList<TimestepLoss> LossByTimestep { get; init; }

    /// <summary>Quality of the one-step estimate of the clean volume. It is not the quality of generated volumes.</summary>
    public required IReadOnlyList<EstimateQuality> Estimates { get; init; }

    /// <summary>
    /// Quality of what a fixed compressor that is lossy makes of the real volumes, at timestep 0: no generated volume can be expected to be
    /// nearer. Empty for other compressors.
    /// </summary>
    public IReadOnlyList<EstimateQuality> Reconstructions { get; init; } = [];

    /// <inheritdoc/>
    [JsonIgnore]
    public override IEnumerable<string> Undefined =>
        Estimates.Where(e => e.Reason is not null).Select(e => FormattableString.Invariant($"from t = {e.Timestep:G4} {e.Reason}"));

    /// <summary>
    /// Errors of the same estimates inside and outside of tumours; empty where the experiment reads no masks, or none has a tumour.
    /// </summary>
    public IReadOnlyList<RegionalError> Regions { get; init; } = [];
}

/// <summary>Loss at a timestep.</summary>
/// <param name="Timestep">0 to 1000.</param>
/// <param name="Loss">Mean over volumes.</param>
public sealed record TimestepLoss(double Timestep, double Loss);

/// <summary>A metric of the one-step estimate from a timestep.</summary>
/// <param name="Metric">The metric's id.</param>
/// <param name="Timestep">Where the estimate started, 0 to 1000.</param>
/// <param name="Value">Mean over volumes, or null where there is none; then <see cref="Reason"/> says why.</param>
/// <param name="Values">One value for each volume; null where the metric gave NaN.</param>
public sealed record EstimateQuality(string Metric, double Timestep, double? Value, IReadOnlyList<double?> Values)
{
    /// <summary>Why there is no value; missing where there is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>The network that the metric used, by its file's name and SHA-256; missing where it uses none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Extractor { get; init; }
}
