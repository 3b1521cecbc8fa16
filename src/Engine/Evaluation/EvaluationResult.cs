namespace VoxelZoo.Engine.Evaluation;

/// <summary>Outcome of an evaluation: <c>evaluation.json</c>.</summary>
public sealed record EvaluationResult
{
    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>The checkpoint.</summary>
    public required string Checkpoint { get; init; }

    /// <summary><c>ema</c> or <c>denoiser</c>.</summary>
    public required string Weights { get; init; }

    /// <summary>SHA-256 of the file of weights.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>The split.</summary>
    public required string Split { get; init; }

    /// <summary>Volumes in it.</summary>
    public required int Volumes { get; init; }

    /// <summary>Mean loss over volumes and evenly spread timesteps.</summary>
    public required double Loss { get; init; }

    /// <summary>The same for a network that always returns zero.</summary>
    public required double NullLoss { get; init; }

    /// <summary>Loss at each timestep.</summary>
    public required IReadOnlyList<TimestepLoss> LossByTimestep { get; init; }

    /// <summary>Quality of the one-step estimate of the clean volume. It is not the quality of generated volumes.</summary>
    public required IReadOnlyList<EstimateQuality> Estimates { get; init; }
}

/// <summary>Loss at a timestep.</summary>
/// <param name="Timestep">0 to 1000.</param>
/// <param name="Loss">Mean over volumes.</param>
public sealed record TimestepLoss(double Timestep, double Loss);

/// <summary>A metric of the one-step estimate from a timestep.</summary>
/// <param name="Metric">The metric's id.</param>
/// <param name="Timestep">Where the estimate started, 0 to 1000.</param>
/// <param name="Value">Mean over volumes.</param>
/// <param name="Values">One value for each volume.</param>
public sealed record EstimateQuality(string Metric, double Timestep, double Value, IReadOnlyList<double> Values);
