using System.ComponentModel.DataAnnotations;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>How a trained run is judged: the experiment's section <c>evaluation</c>.</summary>
public sealed record EvaluationOptions : EvaluatedOptions
{
    /// <summary>
    /// Timesteps from which the clean volume is estimated in one prediction and compared with the real one, 0 to 1000. Default 250, 500, 750.
    /// </summary>
    public IReadOnlyList<double> Timesteps { get; init; } = [250, 500, 750];
}

/// <summary>What must hold of an experiment: its section <c>expect</c>.</summary>
public sealed record ExpectOptions
{
    /// <summary>Exact number of the denoiser's parameters; a plan with another is refused. Default: any.</summary>
    public long? Parameters { get; init; }

    /// <summary>The best validation loss has to be below this; a finished run in which it is not has failed. Default: any.</summary>
    [Range(0.0, double.MaxValue)]
    public double? ValidationLoss { get; init; }

    /// <summary>What a finished run breaks, as one sentence, or null.</summary>
    /// <param name="best">The run's best validation, or null where nothing was validated.</param>
    public string? BrokenBy(BestValidation? best) =>
        ValidationLoss is not { } bound || best?.Loss < bound
            ? null
            : FormattableString.Invariant($"the best validation loss is {best?.Loss.ToString("G4", System.Globalization.CultureInfo.InvariantCulture) ?? "missing"}, expected is less than {bound:G4}");
}
