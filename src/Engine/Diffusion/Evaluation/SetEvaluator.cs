using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// Judges generated volumes as a set against sets of real ones. Volumes are seen one at a time and only their features are kept; those of
/// real volumes serve all checkpoints.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="context">What the metrics are given.</param>
/// <param name="references">Opens the splits with their real volumes; that of <c>train</c> is what the model was trained on.</param>
/// <param name="pooled">Opens the splits whose volumes together are one more reference, <see cref="All"/>. Default: there is none.</param>
public sealed class SetEvaluator(
    ExperimentPlan plan, PartContext context, Func<IReadOnlyList<(string Split, CohortDataset Volumes)>> references,
    Func<IReadOnlyList<(string Split, CohortDataset Volumes)>>? pooled = null) : IDisposable
{
    /// <summary>The volumes of all splits, each patient once.</summary>
    public const string All = "all";

    private readonly Lazy<IReadOnlyList<(string Split, CohortDataset Volumes)>> _references = new(references);

    private readonly Lazy<IReadOnlyList<(string Split, CohortDataset Volumes)>> _pooled = new(pooled ?? (() => []));

    private readonly (string Id, SetMetric Metric)[] _metrics =
    [
        .. plan.Metrics.Select(m => (m.Id, Metric: m.Create(context, (part, options, given) => part.Create(options, given)) as SetMetric))
            .Where(m => m.Metric is not null).Select(m => (m.Id, m.Metric!)),
    ];

    private readonly Dictionary<(string Extractor, string Split), FeatureSet> _real = [];
    private readonly Dictionary<string, MaskTumours[]> _realMasks = [];

    /// <summary>Whether the plan has metrics of sets.</summary>
    public bool HasMetrics => _metrics.Length > 0;

    /// <summary>Whether generated volumes are judged as a set: by metrics, or as masks.</summary>
    public bool Judges => HasMetrics || plan.MaskChannel is not null;

    /// <summary>The plan's metrics of sets, in its order.</summary>
    public IReadOnlyList<(string Id, SetMetric Metric)> Metrics => _metrics;

    /// <summary>Judges the volumes of a checkpoint.</summary>
    /// <param name="trained">The model that generated them.</param>
    /// <param name="generated">The volumes.</param>
    /// <param name="cancellation">Stops between volumes.</param>
    public SetResult Run(TrainedModel trained, GeneratedSet generated, CancellationToken cancellation = default) =>
        Run(trained.Checkpoint.Name, trained.Sha256, generated, cancellation);

    /// <summary>Judges volumes.</summary>
    /// <param name="checkpoint">The checkpoint that generated them.</param>
    /// <param name="sha256">SHA-256 of its file of weights.</param>
    /// <param name="generated">The volumes.</param>
    /// <param name="cancellation">Stops between volumes.</param>
    internal SetResult Run(string checkpoint, string sha256, GeneratedSet generated, CancellationToken cancellation = default)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var calls = new List<int>();
        var masks = new List<MaskSeen>();
        var features = Extract(_metrics.Select(m => m.Metric), Seen(generated, calls, masks, cancellation));
        string[] names =
        [
            .. _references.Value.Select(reference => reference.Split), .. _pooled.Value.Count > 0 ? [All] : Array.Empty<string>(),
        ];
        var qualities =
            from metric in _metrics
            from against in names
            where !metric.Metric.NeedsTrainingSet || against == Cohort.Train
            select Judge(metric.Id, metric.Metric, against, features[metric.Metric.Extractor!], cancellation);
        return new SetResult
        {
            Checkpoint = checkpoint,
            WeightsSha256 = sha256,
            Source = generated.Source,
            Sampler = generated.Sampler,
            Guidance = generated.Sampling.Guidance,
            GuidanceOptions = generated.Sampling.GuidanceOptions,
            WeakerSha256 = generated.WeakerSha256,
            TimeShift = generated.Sampling.TimeShift == 1 ? null : generated.Sampling.TimeShift,
            Seed = generated.Sampling.Seed,
            Metrics = [.. qualities],
            Volumes = calls.Count,
            FunctionEvaluations = calls.Average(),
            Masks = masks.Count == 0 ? null : Judge(masks, cancellation),
        };
    }

    private MaskQuality Judge(IReadOnlyList<MaskSeen> masks, CancellationToken cancellation) => new()
    {
        Adherence = SizeBinAdherence.Of(
            [.. masks.Where(mask => mask.Requested is not null).Select(mask => (mask.Requested!, mask.Mask.Bins))]),
        Empty = masks.Count(mask => mask.Mask.Bins.Sum() == 0),
        Distances =
        [
            .. _references.Value.Select(reference => TumourDistances.Of(
                reference.Split, RealMasks(reference.Split, reference.Volumes, cancellation), [.. masks.Select(mask => mask.Mask)])),
        ],
    };

    private MaskTumours[] RealMasks(string split, CohortDataset volumes, CancellationToken cancellation)
    {
        if (!_realMasks.TryGetValue(split, out var known))
            _realMasks[split] = known = [.. Seen(volumes, cancellation).Select(seen => Measured(seen.Volume))];
        return known;
    }

    private MaskTumours Measured(Tensor volume) => MaskTumours.Of(volume[0, plan.MaskChannel!.Value], plan.Data.Spacing);

    /// <summary>
    /// Each metric with the real volumes of every other split in the place of generated ones, against those of train: generated volumes
    /// that are as good as real ones come out there. Metrics that look for copies of training volumes have none.
    /// </summary>
    public IReadOnlyList<SetQuality> Floor(CancellationToken cancellation = default)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var qualities =
            from metric in _metrics
            where !metric.Metric.NeedsTrainingSet
            from reference in _references.Value
            where reference.Split != Cohort.Train
            select Judge(metric.Id, metric.Metric, Cohort.Train, Real(metric.Metric, reference.Split, cancellation), cancellation) with
            {
                Of = reference.Split,
            };
        return [.. qualities];
    }

    /// <summary>
    /// Refuses metrics that have no value of so few generated volumes, before any is generated: each is tried with as many real ones in
    /// their place. Where no split has more real volumes than that, nothing is known.
    /// </summary>
    /// <param name="generated">How many are going to be generated.</param>
    /// <param name="cancellation">Stops between volumes.</param>
    /// <exception cref="PlanException">A metric has none against any split.</exception>
    public void RequireEnough(int generated, CancellationToken cancellation = default)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        foreach (var (id, metric) in _metrics)
        {
            string?[] why =
            [
                .. _references.Value.Select(reference => reference.Split).Where(split => !metric.NeedsTrainingSet || split == Cohort.Train)
                    .Select(split => Real(metric, split, cancellation)).Where(real => real.VolumeCount > generated)
                    .Select(real => WhyTooFew(metric, real, generated)),
            ];
            if (why.Length > 0 && why.All(one => one is not null))
                throw MetricChecks.Few(id, generated, why[0]!);
        }
    }

    private string? WhyTooFew(SetMetric metric, FeatureSet real, int generated)
    {
        using var scope = torch.NewDisposeScope();
        long[] rows = [.. Enumerable.Range(0, real.Volumes.Count).Where(row => real.Volumes[row] < generated).Select(row => (long)row)];
        var few = new FeatureSet(
            real.Rows.index_select(0, torch.tensor(rows, device: real.Rows.device)),
            rows.Select(row => (long)real.Volumes[(int)row]));
        try
        {
            Planned(metric).Run(() => metric.FixedBy(real).Compare(real, few));
            return null;
        }
        catch (Exception e) when (((e as PartFailedException)?.InnerException ?? e) is ArgumentException refusal)
        {
            return refusal.Message.TrimEnd('.');
        }
    }

    private SetQuality Judge(string id, SetMetric metric, string against, FeatureSet generated, CancellationToken cancellation)
    {
        var real = Real(metric, against, cancellation);
        var quality = new SetQuality
        {
            Metric = id,
            Against = against,
            RealVolumes = real.VolumeCount,
            Value = null,
            Extractor = metric.Extractor!,
            Order = MetricOrder.Of(metric),
        };
        try
        {
            // fixed by the real set, so that checkpoints, configurations and runs that are compared with it are measured alike
            var result = Planned(metric).Given("Compare", () => metric.FixedBy(real)?.Compare(real, generated));
            return quality with
            {
                Value = double.IsNaN(result.Value) ? null : result.Value,
                Interval = result.Interval,
                Details = result.Details,
                Basis = result.Basis,
                Warnings = double.IsNaN(result.Value)
                    ? [.. result.Warnings, $"{id} is not a number (NaN) for these volumes"]
                    : result.Warnings,
            };
        }
        catch (Exception e) when (((e as PartFailedException)?.InnerException ?? e) is ArgumentException refusal)
        {
            return quality with { Warnings = [refusal.Message] };
        }
    }

    private FeatureSet Real(SetMetric metric, string against, CancellationToken cancellation) => against == All
        ? Pooled(metric, cancellation)
        : Real(metric, against, _references.Value.First(reference => reference.Split == against).Volumes, cancellation);

    /// <summary>
    /// The features of all splits, each patient once: one that is in two splits, under the same name, counts in the first.
    /// </summary>
    private FeatureSet Pooled(SetMetric metric, CancellationToken cancellation)
    {
        if (_real.TryGetValue((metric.Extractor!, All), out var known))
            return known;
        using var scope = torch.NewDisposeScope();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        List<Tensor> rows = [];
        List<long> of = [];
        foreach (var (split, volumes) in _pooled.Value)
        {
            var set = Real(metric, split, volumes, cancellation);
            var isNew = volumes.Patients.Select(patient => seen.Add(PatientNames.Key(patient))).ToArray();
            var kept = Enumerable.Range(0, set.Volumes.Count).Where(row => isNew[set.Volumes[row]]).ToArray();
            var first = of.Count == 0 ? 0 : of.Max() + 1;
            rows.Add(set.Rows.index_select(0, torch.tensor([.. kept.Select(row => (long)row)], device: set.Rows.device)));
            of.AddRange(kept.Select(row => first + set.Volumes[row]));
        }

        return _real[(metric.Extractor!, All)] = new FeatureSet(torch.cat([.. rows], 0).DetachFromDisposeScope(), of);
    }

    private PlannedPart<IMetric> Planned(SetMetric metric) =>
        plan.Metrics.First(planned => planned.Id == _metrics.First(own => own.Metric == metric).Id);

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

    private IEnumerable<SeenVolume> Seen(
        GeneratedSet generated, List<int> calls, List<MaskSeen> masks, CancellationToken cancellation)
    {
        foreach (var item in generated.Volumes(cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            calls.Add(item.FunctionEvaluations);
            if (plan.MaskChannel is not null)
                masks.Add(new MaskSeen(Measured(item.Volume), item.Requested));
            yield return new SeenVolume(item.Volume, item.Mask ?? Mask(item.Volume));
        }
    }

    private IEnumerable<SeenVolume> Seen(CohortDataset volumes, CancellationToken cancellation)
    {
        for (var i = 0; i < volumes.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var sample = volumes.Load(i);
            var volume = torch.cat([.. plan.Target.Select(kind => sample.Images[kind])], 1).narrow(2, 0, sample.RealSlices[0]);
            yield return new SeenVolume(
                volume, sample.Images.TryGetValue(ImageKinds.Seg, out var mask) ? mask.narrow(2, 0, sample.RealSlices[0]) : null);
        }
    }

    /// <summary>Features of volumes by extractor; each is asked once, whatever the number of its metrics.</summary>
    private Dictionary<string, FeatureSet> Extract(IEnumerable<SetMetric> metrics, IEnumerable<SeenVolume> volumes)
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
                rows[metric.Extractor!].Add(Planned(metric).Given("Features", () => Features(metric, each.Current))
                    .MoveToOuterDisposeScope());
        }

        var sets = rows.ToDictionary(pair => pair.Key, pair => FeatureSet.Of(pair.Value));
        foreach (var set in sets.Values)
            set.Rows.MoveToOuterDisposeScope();
        return sets;
    }

    private static Tensor Features(SetMetric metric, SeenVolume seen) => !metric.NeedsMasks
        ? metric.Features(seen.Volume)
        : metric.MaskedFeatures(
            seen.Volume, seen.Mask ?? throw new ArgumentException("the volumes have no masks of tumours, by which they would be measured"));

    /// <summary>The masks among generated volumes' channels, or null where none is.</summary>
    private Tensor? Mask(Tensor volume) => plan.MaskChannel is { } channel ? volume.narrow(1, channel, 1) : null;

    /// <summary>A volume, and the mask of its tumours where it is known.</summary>
    private sealed record SeenVolume(Tensor Volume, Tensor? Mask);

    /// <summary>A generated mask, and the numbers of tumours that it was asked for, if any.</summary>
    private sealed record MaskSeen(MaskTumours Mask, IReadOnlyList<int>? Requested);

    /// <summary>Frees the features of real volumes.</summary>
    public void Dispose()
    {
        foreach (var features in _real.Values)
            features.Rows.Dispose();
    }
}
