using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using TorchSharp;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// Measures what a model generates while it is trained: some volumes by few steps as a set, and the one-step estimates of as many real
/// ones. Only features of real volumes are kept.
/// </summary>
/// <param name="plan">The plan, which has a <see cref="ExperimentPlan.TrainingGeneration"/>.</param>
/// <param name="volumes">The volumes of its split: conditions, and what is compared with.</param>
/// <param name="split">The split.</param>
/// <param name="law">Draws numbers of tumours by size, where the plan wants that.</param>
public sealed class GenerationMeter(ExperimentPlan plan, CohortDataset volumes, string split, SizeBinLaw? law = null) : IGenerationMeter
{
    private readonly TrainingGeneration _how =
        plan.TrainingGeneration ?? throw new ArgumentException("the plan generates nothing while it is trained", nameof(plan));

    private SetEvaluator? _sets;

    /// <inheritdoc/>
    public int Every => _how.Options.Every;

    /// <inheritdoc/>
    public GenerationMeasures Measure(DiffusionModel model)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var generating = plan with { Sampling = _how.Sampling with { Split = split }, Sampler = _how.Sampler, Metrics = _how.Metrics };
        _sets ??= new SetEvaluator(generating, model.Context, () => [(split, volumes)]);
        var judged = _sets.Run("", "", GeneratedSet.InTraining(generating, model, volumes, law));
        var deciding = judged.Metrics[0];
        var measures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var quality in judged.Metrics)
            Note(measures, $"Generation/{quality.Metric}_{split}", quality.Value);
        Note(measures, judged.Masks);
        Estimate(model, measures);
        return new GenerationMeasures(Words(deciding), deciding.Value, deciding.Order ?? default, measures)
        {
            Seconds = watch.Elapsed.TotalSeconds,
            Reason = deciding.Value is null ? string.Join("; ", deciding.Warnings) : null,
        };
    }

    /// <summary>What decides, so exactly that values of the same words compare.</summary>
    private string Words(SetQuality deciding)
    {
        object[] made = [_how.Sampling, _how.Sampler.Options, _how.Metrics[0].Options];
        var options = string.Concat(made.Select(each => JsonSerializer.Serialize(each, each.GetType(), AtomicFile.Json)));
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(options)))[..8];
        return $"{deciding.MetricWithBasis} against {split} of {_how.Sampling.Count} volumes by {_how.Sampler.Id} ({key})";
    }

    /// <summary>The one-step estimates of the first volumes: means over the timesteps.</summary>
    private void Estimate(DiffusionModel model, SortedDictionary<string, double> measures)
    {
        var count = Math.Min(_how.Sampling.Count, volumes.Count);
        var estimates = new OneStepEstimates(plan, model, volumes, count);
        for (var i = 0; i < count; i++)
            estimates.Add(i);
        foreach (var metric in estimates.Qualities().GroupBy(quality => quality.Metric))
            Note(measures, $"Estimate/{metric.Key}", Mean(metric.Select(quality => quality.Value)));
        var regions = estimates.Regions();
        (string Name, Func<RegionalError, double?> Of)[] errors =
        [
            ("tumour_loss", error => error.TumourLoss), ("background_loss", error => error.BackgroundLoss), ("ratio", error => error.Ratio),
            ("tiny", error => error.Tiny), ("small", error => error.Small),
            ("medium", error => error.Medium), ("large", error => error.Large),
        ];
        foreach (var (name, of) in errors)
            Note(measures, $"Regional/{name}", Mean(regions.Select(of)));
    }

    private static void Note(SortedDictionary<string, double> measures, MaskQuality? masks)
    {
        if (masks is null)
            return;
        Note(measures, "Generation/exact", masks.Adherence?.Exact);
        Note(measures, "Generation/mean_absolute_error", masks.Adherence?.MeanAbsoluteError);
        Note(measures, "Generation/spearman", masks.Adherence?.Spearman);
        Note(measures, "Generation/empty", masks.Empty);
        Note(measures, "Generation/tumour_distance", masks.Distances[0].Total);
    }

    /// <summary>Keeps a number, if it is one.</summary>
    private static void Note(SortedDictionary<string, double> measures, string name, double? value)
    {
        if (value is { } known && double.IsFinite(known))
            measures[name] = known;
    }

    /// <summary>The mean where there is a value at each timestep.</summary>
    private static double? Mean(IEnumerable<double?> values)
    {
        var all = values.ToArray();
        return all.Length == 0 || all.Any(value => value is null) ? null : all.Average();
    }

    /// <summary>Frees the features of real volumes.</summary>
    public void Dispose() => _sets?.Dispose();
}
