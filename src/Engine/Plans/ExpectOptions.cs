using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Plans;

/// <summary>What must hold of an experiment: its section <c>expect</c>.</summary>
public sealed record ExpectOptions
{
    /// <summary>Exact number of the denoiser's parameters; a plan with another is refused. Default: any.</summary>
    public long? Parameters { get; init; }

    /// <summary>The best validation loss has to be below this; a finished run in which it is not has failed. Default: any.</summary>
    [Range(0.0, double.MaxValue)]
    public double? ValidationLoss { get; init; }

    /// <summary>What a finished run breaks, as one sentence, or null.</summary>
    /// <param name="best">The run's best validation loss, or null where nothing was validated.</param>
    public string? BrokenBy(double? best) =>
        ValidationLoss is not { } bound || best < bound
            ? null
            : FormattableString.Invariant($"the best validation loss is {best?.ToString("G4", System.Globalization.CultureInfo.InvariantCulture) ?? "missing"}, expected is less than {bound:G4}");
}
