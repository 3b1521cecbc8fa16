namespace VoxelZoo.Engine.Runs;

/// <summary>A metric's values of volumes, and their mean where each has one.</summary>
/// <param name="Mean">The mean; null where there is none.</param>
/// <param name="Values">One for each volume; null where the metric gave NaN.</param>
/// <param name="Reason">Why there is no mean, one sentence; null where there is one.</param>
internal sealed record MetricValues(double? Mean, IReadOnlyList<double?> Values, string? Reason)
{
    /// <summary>Looks at what a metric gave: a volume that it cannot judge is named, and not averaged with the others.</summary>
    /// <param name="metric">Its id.</param>
    /// <param name="values">One for each volume.</param>
    /// <param name="names">The volumes' names.</param>
    public static MetricValues Of(string metric, IReadOnlyList<double> values, IReadOnlyList<string> names)
    {
        const int most = 5;
        double?[] known = [.. values.Select(value => double.IsNaN(value) ? null : (double?)value)];
        var undefined = names.Where((_, i) => known[i] is null).ToArray();
        if (undefined.Length > 0)
            return new MetricValues(
                null,
                known,
                $"{metric} is not a number (NaN) for {string.Join(", ", undefined.Take(most))}"
                + $"{(undefined.Length > most ? $" and {undefined.Length - most} more" : "")}, so it has no mean");
        var mean = values.Average();
        return double.IsNaN(mean)
            ? new MetricValues(null, known, $"{metric} is infinite in both directions, so it has no mean")
            : new MetricValues(mean, known, null);
    }
}
