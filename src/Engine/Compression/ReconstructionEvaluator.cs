using System.Text.Json.Serialization;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Compression;

/// <summary>Judges a trained compressor by how near reconstructions come to volumes that it has not seen.</summary>
/// <param name="plan">The plan.</param>
/// <param name="trained">The compressor.</param>
/// <param name="volumes">The volumes.</param>
/// <param name="split">The split that they are from.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
public sealed class ReconstructionEvaluator(
    CompressionPlan plan, TrainedCompressor trained, PooledImages volumes, string split, ICollective? collective = null)
{
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;

    /// <summary>Evaluates all volumes.</summary>
    /// <param name="cancellation">Stops between volumes.</param>
    public ReconstructionResult Run(CancellationToken cancellation = default)
    {
        var validation = new ReconstructionValidator(plan, volumes, _collective).Run(trained.Model);
        trained.Model.Compressor.eval();
        var metrics = plan.Metrics.Select(m => (m.Id, Part: m, Metric: m.Create(trained.Model.Context, (part, options, given) =>
            part.Create(options, given)), Values: new double[volumes.Count])).ToArray();
        _collective.Together(() =>
        {
            foreach (var i in _collective.Share(volumes.Count))
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using var _ = no_grad();
                using var sample = volumes.Load(i);
                var (volume, reconstruction) = ReconstructionValidator.Real(trained.Model, sample);
                var (real, made) = (volume.cpu(), trained.Model.Finish(reconstruction).cpu());
                foreach (var (_, part, metric, values) in metrics)
                    values[i] = part.OfPair(metric, real, made).Values[0];
            }
        });
        foreach (var (_, _, _, values) in metrics)
            _collective.Sum(values);

        string[] names = [.. Enumerable.Range(0, volumes.Count).Select(volumes.Name)];
        return new ReconstructionResult
        {
            Checkpoint = trained.Checkpoint.Name,
            Weights = trained.Weights,
            WeightsSha256 = trained.Sha256,
            Split = split,
            Volumes = volumes.Count,
            Names = names,
            Loss = validation.Loss,
            Measures = validation.Measures
                .Select(measure => (Name: measure.Key[(measure.Key.IndexOf('/', StringComparison.Ordinal) + 1)..], measure.Value))
                .Where(measure => metrics.All(metric => metric.Id != measure.Name))
                .ToDictionary(measure => measure.Name, measure => measure.Value),
            Metrics = [.. metrics.Select(m => Quality(m.Id, MetricValues.Of(m.Id, m.Values, names), m.Metric))],
        };
    }

    private static ReconstructionQuality Quality(string id, MetricValues values, Metric metric) => new(id, values.Mean, values.Values)
    {
        Order = MetricOrder.Of(metric),
        Reason = values.Reason,
    };
}

/// <summary>What is known of a compressor's checkpoint on a split; its <see cref="CheckpointResult.Loss"/> is that of validation.</summary>
public sealed record ReconstructionResult : CheckpointResult
{
    /// <summary>The volumes' names, <c>PATIENT/KIND</c>, in the order of the metrics' values.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>
    /// What validation measures besides, by name: each loss, and <c>psnr</c> of images or <c>dice</c> of masks, unless a metric
    /// of that name is asked for.
    /// </summary>
    public required IReadOnlyDictionary<string, double> Measures { get; init; }

    /// <summary>Each metric between volumes and reconstructions.</summary>
    public required IReadOnlyList<ReconstructionQuality> Metrics { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override IEnumerable<string> Undefined => Metrics.Select(metric => metric.Reason).OfType<string>();
}

/// <summary>A metric between volumes and reconstructions.</summary>
/// <param name="Metric">The metric's id.</param>
/// <param name="Value">Mean over volumes, or null where there is none; then <see cref="Reason"/> says why.</param>
/// <param name="Values">One value for each volume; null where the metric gave NaN.</param>
public sealed record ReconstructionQuality(string Metric, double? Value, IReadOnlyList<double?> Values) : OrderedValue
{
    /// <summary>Why there is no value; missing where there is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }
}
