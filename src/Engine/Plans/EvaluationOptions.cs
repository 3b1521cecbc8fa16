using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Plans;

/// <summary>How a trained run is judged: the experiment's section <c>evaluation</c>.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Split that is evaluated. Default test.</summary>
    [AllowedValues("train", "val", "test")]
    public string Split { get; init; } = "test";

    /// <summary>
    /// Timesteps from which the clean volume is estimated in one prediction and compared with the real one, 0 to 1000. Default 250, 500, 750.
    /// </summary>
    public IReadOnlyList<double> Timesteps { get; init; } = [250, 500, 750];
}

/// <summary>What must hold of an experiment: its section <c>expect</c>. A plan that breaks it is refused.</summary>
public sealed record ExpectOptions
{
    /// <summary>Exact number of the denoiser's parameters, or null.</summary>
    public long? Parameters { get; init; }
}
