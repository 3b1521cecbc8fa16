using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Chooses the metrics of a sweep.</summary>
/// <param name="own">The metrics of the experiment.</param>
/// <param name="source">Gives others.</param>
/// <param name="parts">What metrics are given.</param>
public sealed class SweepMetrics(IReadOnlyList<PlannedPart<IMetric>> own, IPartSource source, PartContext parts)
{
    private const string By = "--metric";

    private readonly PartContext _meta = parts with { Device = new torch.Device(DeviceType.META) };

    /// <summary>
    /// What a sweep measures where nothing else is said, with the features that need no network where the experiment names none.
    /// </summary>
    public static IReadOnlyList<string> Default { get; } = ["fid", "kid", "cmmd"];

    /// <summary>The default ones and all others of sets that the experiment has and that can be compared with this split.</summary>
    internal IReadOnlyList<PlannedPart<IMetric>> All(string against)
    {
        var others = own.Where(metric => Set(metric) is { Extractor: not null } set && (against == Cohort.Train || !set.NeedsTrainingSet));
        return [.. Default.SelectMany(Named), .. others.Where(metric => !Default.Contains(metric.Id))];
    }

    /// <summary>Those that are named.</summary>
    /// <exception cref="PlanException">One does not compare sets of volumes, or not with this split.</exception>
    internal IReadOnlyList<PlannedPart<IMetric>> Of(IReadOnlyList<string> names, string against)
    {
        PlannedPart<IMetric>[] named = [.. names.SelectMany(Named)];
        if (against != Cohort.Train && named.FirstOrDefault(metric => Set(metric)!.NeedsTrainingSet) is { } training)
            throw new PlanException(
                $"`{training.Id}` compares with the volumes that were trained on, and --against is {against}; "
                + $"use --against {Cohort.Train}");
        return named;
    }

    private IEnumerable<PlannedPart<IMetric>> Named(string name)
    {
        PlannedPart<IMetric>[] configured = [.. own.Where(metric => metric.Id == name && Set(metric) is { Extractor: not null })];
        return configured.Length > 0 ? configured : [Get(name)];
    }

    private PlannedPart<IMetric> Get(string name)
    {
        var metric = source.Get<IMetric>("evaluation", name, By);
        return Set(metric) switch
        {
            null => throw new PlanException(
                $"`{metric.Id}` compares volume by volume, and generated volumes have no real ones of their own; "
                + $"name metrics of sets, such as {string.Join(", ", Default)}"),
            { Extractor: null } => source.Get<IMetric>("evaluation", metric.Id, By, new PartOption("extractor", "scattering")),
            _ => metric,
        };
    }

    private SetMetric? Set(PlannedPart<IMetric> metric) => 
        metric.Create(_meta, (part, options, given) => part.Create(options, given)) as SetMetric;
}
