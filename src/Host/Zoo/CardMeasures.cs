using System.Globalization;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Zoo;

/// <summary>What a run's evaluation.json says of the weights that ship, as a card has it.</summary>
/// <param name="weights">SHA-256 of the run's file of these weights.</param>
/// <param name="dtype">As what they ship.</param>
internal sealed class CardMeasures(string weights, string dtype)
{
    /// <summary>Each measure with how it was taken; none where these weights were not evaluated.</summary>
    public IReadOnlyList<CardMeasure> Of(Experiment experiment, RunFolder run) => experiment is CompressionExperiment
        ? [.. EvaluationFile<ReconstructionResult>.Read(run) is { } file ? Reconstructed(file) : []]
        : [.. EvaluationFile<EvaluationResult>.Read(run) is { } evaluation ? Generated(evaluation) : []];

    /// <summary>What the metric <c>memorisation</c> found, a sentence; null where it was not computed.</summary>
    public string? Memorisation(Experiment experiment, RunFolder run)
    {
        if (experiment is CompressionExperiment)
            return "not measured: a compressor generates nothing by itself.";
        var found = (EvaluationFile<EvaluationResult>.Read(run)?.Generated ?? []).Where(IsOurs)
            .SelectMany(set => set.Metrics.Where(metric => metric is { Metric: "memorisation", Value: not null })
                .Select(metric => (set.Volumes, Metric: metric)))
            .FirstOrDefault();
        if (found.Metric is not { } metric)
            return null;
        var nearest = metric.Details.Where(detail => detail.Key.StartsWith("feature_ratio_", StringComparison.Ordinal)
            || detail.Key.StartsWith("voxel_ratio_", StringComparison.Ordinal))
            .Select(detail => detail.Value).DefaultIfEmpty(double.NaN).Min();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{metric.Value * found.Volumes:F0} of {found.Volumes} generated volumes are flagged as copies of one of the "
            + $"{metric.RealVolumes} of {metric.Against}; the nearest is {nearest:F2} times as far from it as they are from each other.");
    }

    private IEnumerable<CardMeasure> Generated(EvaluationFile<EvaluationResult> file)
    {
        foreach (var set in (file.Generated ?? []).Where(IsOurs))
        {
            var made = FormattableString.Invariant(
                $"{set.Sampler}, {set.FunctionEvaluations:G4} network evaluations each, {set.GuidanceWords}");
            var how = Protocol($"{set.Volumes} generated volumes, {made}, seed {set.Seed}");
            foreach (var metric in set.Metrics.Where(metric => metric.Value is not null))
                yield return new CardMeasure
                {
                    Metric = metric.Metric,
                    Value = metric.Value!.Value,
                    Against = metric.Against,
                    Protocol = $"{how}; {metric.RealVolumes} real",
                };
            foreach (var (name, value) in (set.Masks?.Measures ?? []).Where(measure => double.IsFinite(measure.Value)))
                yield return new CardMeasure { Metric = name, Value = value, Against = "what was asked for", Protocol = how };
        }

        foreach (var result in file.Results.Where(result => result.WeightsSha256 == weights))
        {
            yield return new CardMeasure
            {
                Metric = "loss",
                Value = result.Loss,
                Against = result.Split,
                Protocol = Protocol($"{result.Volumes} volumes; a network that returns zero has {result.NullLoss:G4}"),
            };
            foreach (var estimate in result.Estimates.Where(estimate => estimate.Value is not null))
                yield return new CardMeasure
                {
                    Metric = estimate.Metric,
                    Value = estimate.Value!.Value,
                    Against = result.Split,
                    Protocol = Protocol($"one-step estimates from t = {estimate.Timestep:G4} of {result.Volumes} volumes"),
                };
        }
    }

    private IEnumerable<CardMeasure> Reconstructed(EvaluationFile<ReconstructionResult> file)
    {
        foreach (var result in file.Results.Where(result => result.WeightsSha256 == weights))
        {
            yield return new CardMeasure
            {
                Metric = "loss",
                Value = result.Loss,
                Against = result.Split,
                Protocol = Protocol($"{result.Volumes} volumes"),
            };
            foreach (var metric in result.Metrics.Where(metric => metric.Value is not null))
                yield return new CardMeasure
                {
                    Metric = metric.Metric,
                    Value = metric.Value!.Value,
                    Against = result.Split,
                    Protocol = Protocol($"{result.Volumes} reconstructions and their volumes"),
                };
        }
    }

    private bool IsOurs(SetResult set) => set.WeightsSha256 == weights;

    private string Protocol(FormattableString how) =>
        FormattableString.Invariant(how) + (dtype == "float32" ? "" : ", with the weights in float32");
}
