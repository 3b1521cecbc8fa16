using System.Globalization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>Which of a metric's values is the better one.</summary>
/// <param name="HigherIsBetter">Whether the larger one is; without meaning where there is a best value.</param>
/// <param name="BestValue">The value to which the better one is nearer; null where more or less is better.</param>
public readonly record struct MetricOrder(bool HigherIsBetter, double? BestValue = null)
{
    /// <summary>What a metric says of itself.</summary>
    public static MetricOrder Of(Metric metric) => new(metric.HigherIsBetter, metric.BestValue);

    /// <summary>What is smaller the better a value is: by it, values are put in order and compared.</summary>
    public double Rank(double value) => BestValue is { } best ? Math.Abs(value - best) : HigherIsBetter ? -value : value;

    /// <summary>Which value is better, as a sentence begins: <c>More is better</c>.</summary>
    public string Words => BestValue is { } best
        ? string.Create(CultureInfo.InvariantCulture, $"Nearer to {best:G4} is better")
        : HigherIsBetter ? "More is better" : "Less is better";

    /// <summary>What a value has to be to be no worse than a bound: <c>at least 0.45</c>.</summary>
    public string NoWorseThan(double bound) => BestValue is { } best
        ? string.Create(CultureInfo.InvariantCulture, $"no further from {best:G4} than {bound:G4}")
        : string.Create(CultureInfo.InvariantCulture, $"{(HigherIsBetter ? "at least" : "at most")} {bound:G4}");
}
