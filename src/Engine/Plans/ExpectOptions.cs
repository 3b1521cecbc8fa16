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

    /// <summary>
    /// Metrics of generated volumes and the values that they have to reach, against each split and for each checkpoint: no less where more
    /// is better, no more where less is, and no further from a best value. A <c>run</c> that was evaluated and does not reach one has
    /// failed. Default: any.
    /// </summary>
    public IReadOnlyDictionary<string, double> Generated { get; init; } = new Dictionary<string, double>();

    /// <summary>What generated volumes miss, as one sentence, or null.</summary>
    /// <param name="measured">What was measured: metric, split, value or null where there is none, and which is better.</param>
    public string? MissedBy(IEnumerable<(string Metric, string Against, double? Value, MetricOrder Order)> measured)
    {
        var all = measured.ToArray();
        foreach (var (metric, bound) in Generated)
        {
            var values = all.Where(one => one.Metric == metric).ToArray();
            if (values.Length == 0)
                return $"{metric} of generated volumes was not measured, and is expected; add it to evaluation.metrics";
            foreach (var (_, against, value, order) in values)
            {
                if (value is not { } reached || order.Rank(reached) > order.Rank(bound))
                    return $"{metric} of generated volumes against {against} is {value?.ToString("G4", Culture) ?? "missing"}, "
                        + $"expected is {order.NoWorseThan(bound)}";
            }
        }

        return null;
    }

    private static System.Globalization.CultureInfo Culture => System.Globalization.CultureInfo.InvariantCulture;

    /// <summary>What a finished run breaks, as one sentence, or null.</summary>
    /// <param name="best">The run's best validation loss, or null where nothing was validated.</param>
    public string? BrokenBy(double? best) =>
        ValidationLoss is not { } bound || best < bound
            ? null
            : FormattableString.Invariant(
                $"the best validation loss is {best?.ToString("G4", Culture) ?? "missing"}, expected is less than {bound:G4}");
}
