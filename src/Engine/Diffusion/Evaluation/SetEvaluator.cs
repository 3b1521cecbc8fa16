using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// Judges generated volumes as a set against sets of real ones. Volumes are seen one at a time and only their features are kept; those of real volumes
/// serve all checkpoints.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="context">What the metrics are given.</param>
/// <param name="references">Opens the splits with their real volumes; that of <c>train</c> is what the model was trained on.</param>
public sealed class SetEvaluator(ExperimentPlan plan, PartContext context, Func<IReadOnlyList<(string Split, CohortDataset Volumes)>> references) : IDisposable
{
    private readonly Lazy<IReadOnlyList<(string Split, CohortDataset Volumes)>> _references = new(references);

    private readonly (string Id, SetMetric Metric)[] _metrics =
    [
        .. plan.Metrics.Select(m => (m.Id, Metric: m.Call((part, options) => part.Create(options, context)) as SetMetric))
            .Where(m => m.Metric is not null).Select(m => (m.Id, m.Metric!)),
    ];

    private readonly Dictionary<(string Extractor, string Split), FeatureSet> _real = [];

    /// <summary>Whether the plan has metrics of sets.</summary>
    public bool HasMetrics => _metrics.Length > 0;

    /// <summary>The plan's metrics of sets, in its order.</summary>
    public IReadOnlyList<(string Id, SetMetric Metric)> Metrics => _metrics;

    /// <summary>Judges the volumes of a checkpoint.</summary>
    /// <param name="trained">The model that generated them.</param>
    /// <param name="generated">The volumes.</param>
    /// <param name="cancellation">Stops between volumes.</param>
    public SetResult Run(TrainedModel trained, GeneratedSet generated, CancellationToken cancellation = default)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var calls = new List<int>();
        var features = Extract(_metrics.Select(m => m.Metric), Seen(generated, calls, cancellation));
        var qualities =
            from metric in _metrics
            from reference in _references.Value
            where !metric.Metric.NeedsTrainingSet || reference.Split == Cohort.Train
            select Judge(metric.Id, metric.Metric, reference.Split, reference.Volumes, features[metric.Metric.Extractor!], cancellation);
        return new SetResult
        {
            Checkpoint = trained.Checkpoint.Name,
            WeightsSha256 = trained.Sha256,
            Source = generated.Source,
            Sampler = generated.Sampler,
            Guidance = generated.Sampling.Guidance,
            Seed = generated.Sampling.Seed,
            Metrics = [.. qualities],
            Volumes = calls.Count,
            FunctionEvaluations = calls.Average(),
        };
    }

    private SetQuality Judge(string id, SetMetric metric, string split, CohortDataset volumes, FeatureSet generated, CancellationToken cancellation)
    {
        var quality = new SetQuality { Metric = id, Against = split, RealVolumes = volumes.Count, Value = null, Extractor = metric.Extractor!, HigherIsBetter = metric.HigherIsBetter };
        try
        {
            // fixed by the real set, so that checkpoints, configurations and runs that are compared with it are measured alike
            var real = Real(metric, split, volumes, cancellation);
            var result = Planned(metric).Run(() => metric.FixedBy(real).Compare(real, generated));
            return quality with
            {
                Value = double.IsNaN(result.Value) ? null : result.Value,
                Interval = result.Interval,
                Details = result.Details,
                Basis = result.Basis,
                Warnings = double.IsNaN(result.Value) ? [.. result.Warnings, $"{id} is not a number (NaN) for these volumes"] : result.Warnings,
            };
        }
        catch (Exception e) when (((e as PartFailedException)?.InnerException ?? e) is ArgumentException)
        {
            return quality with { Warnings = [((e as PartFailedException)?.InnerException ?? e).Message] };
        }
    }

    private PlannedPart<IMetric> Planned(SetMetric metric) => plan.Metrics.First(planned => planned.Id == _metrics.First(own => own.Metric == metric).Id);

    private FeatureSet Real(SetMetric metric, string split, CohortDataset volumes, CancellationToken cancellation)
    {
        if (!_real.ContainsKey((metric.Extractor!, split)))
        {
            // all extractors see a volume while it is in memory
            foreach (var (extractor, features) in Extract(_metrics.Select(m => m.Metric), Seen(volumes, cancellation)))
            {
                features.Rows.DetachFromDisposeScope();
                _real[(extractor, split)] = features;
            }
        }

        return _real[(metric.Extractor!, split)];
    }

    private static IEnumerable<Tensor> Seen(GeneratedSet generated, List<int> calls, CancellationToken cancellation)
    {
        foreach (var (volume, evaluations) in generated.Volumes(cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            calls.Add(evaluations);
            yield return volume;
        }
    }

    private IEnumerable<Tensor> Seen(CohortDataset volumes, CancellationToken cancellation)
    {
        for (var i = 0; i < volumes.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var sample = volumes.Load(i);
            yield return torch.cat([.. plan.Target.Select(kind => sample.Images[kind])], 1).narrow(2, 0, sample.RealSlices[0]);
        }
    }

    /// <summary>Features of volumes by extractor; each is asked once, whatever the number of its metrics.</summary>
    private Dictionary<string, FeatureSet> Extract(IEnumerable<SetMetric> metrics, IEnumerable<Tensor> volumes)
    {
        using var scope = torch.NewDisposeScope();
        var extractors = metrics.DistinctBy(metric => metric.Extractor).ToArray();
        var rows = extractors.ToDictionary(metric => metric.Extractor!, _ => new List<Tensor>());
        using var each = volumes.GetEnumerator();
        while (true)
        {
            using var inner = torch.NewDisposeScope();
            if (!each.MoveNext())
                break;
            foreach (var metric in extractors)
                rows[metric.Extractor!].Add(Planned(metric).Run(() => metric.Features(each.Current)).MoveToOuterDisposeScope());
        }

        var sets = rows.ToDictionary(pair => pair.Key, pair => FeatureSet.Of(pair.Value));
        foreach (var set in sets.Values)
            set.Rows.MoveToOuterDisposeScope();
        return sets;
    }

    /// <summary>Frees the features of real volumes.</summary>
    public void Dispose()
    {
        foreach (var features in _real.Values)
            features.Rows.Dispose();
    }
}
