using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>What an experiment says of a metric beside the metric's own options.</summary>
public sealed record MetricPresence
{
    /// <summary>
    /// Whether the metric is left out, and said to be, where a file that it reads is not there. Default false: it is refused.
    /// </summary>
    public bool Optional { get; init; }
}

/// <summary>A metric that an experiment asks for and that is not computed.</summary>
/// <param name="Metric">Its id.</param>
/// <param name="File">The file that is not there.</param>
public sealed record LeftOutMetric(string Metric, string File)
{
    /// <summary>Its place among the metrics that the experiment asks for, from 0.</summary>
    [JsonIgnore]
    public int Place { get; init; }

    /// <summary>Why it is left out, and what to do, one sentence.</summary>
    public string Reason => OptionalMetrics.Sentence([this]);
}

/// <summary>Tells metrics that can be computed here from those that an experiment wants only where their files are.</summary>
public static class OptionalMetrics
{
    /// <summary>Leaves out optional metrics whose files are not there.</summary>
    /// <param name="asked">The metrics, in the experiment's order, and whether each is optional.</param>
    /// <exception cref="PlanException">One is optional and reads no file.</exception>
    public static (IReadOnlyList<PlannedPart<IMetric>> Metrics, IReadOnlyList<LeftOutMetric> LeftOut) Present(
        IEnumerable<(PlannedPart<IMetric> Metric, bool Optional)> asked)
    {
        List<PlannedPart<IMetric>> present = [];
        List<LeftOutMetric> absent = [];
        foreach (var (place, (metric, optional)) in asked.Index())
        {
            var files = optional ? metric.Given("Networks", (part, options) => part.Networks(options)) : [];
            if (optional && files.Count == 0)
                throw new PlanException(
                    $"`{metric.Id}` reads no file, without which it would be left out; remove optional from it", "metrics");
            if (files.FirstOrDefault(path => !File.Exists(path)) is { } missing)
                absent.Add(new LeftOutMetric(metric.Id, missing) { Place = place });
            else
                present.Add(metric);
        }

        return (present, absent);
    }

    /// <summary>Says which metrics are left out, and why, in one sentence.</summary>
    internal static string Sentence(IReadOnlyList<LeftOutMetric> absent)
    {
        var metrics = string.Join(", ", absent.Select(metric => $"`{metric.Metric}`"));
        var files = absent.Select(metric => metric.File).Distinct().ToArray();
        return $"{metrics} {(absent.Count == 1 ? "is" : "are")} left out, because there is no file {string.Join(", ", files)}; "
            + "`features export` makes files of features, and `evaluate` asks again";
    }
}
