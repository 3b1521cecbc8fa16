using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>
/// Judges configurations of samplers by the volumes that a checkpoint generates with them. All have the same noise and the same conditions,
/// and the real volumes' features are computed once. What was found of a configuration is kept, and not computed again.
/// </summary>
public sealed class SamplingSweep : IDisposable
{
    private readonly TrainedModel _trained;
    private readonly CohortDataset _conditions;
    private readonly SetEvaluator _sets;
    private readonly SweepFolder _folder;
    private readonly string[] _names;
    private readonly JsonObject _circumstances;
    private readonly SizeBinLaw? _law;

    /// <summary>Prepares a sweep.</summary>
    /// <param name="plan">The plan with the sweep's metrics, all of them of sets, and its count, seed and guidance.</param>
    /// <param name="trained">The model, which stays the caller's.</param>
    /// <param name="cohort">The cohort, whose files become part of what results follow from.</param>
    /// <param name="conditions">What volumes are conditioned on: the split that the plan samples.</param>
    /// <param name="against">The split of the real volumes.</param>
    /// <param name="real">Those volumes.</param>
    /// <param name="law">Draws numbers of tumours by size, where the plan wants that.</param>
    /// <param name="warned">Called with a sentence for each result that is there and cannot be trusted.</param>
    public SamplingSweep(
        ExperimentPlan plan, TrainedModel trained, Cohort cohort, CohortDataset conditions, string against, CohortDataset real,
        SizeBinLaw? law = null, Action<string>? warned = null)
    {
        (_trained, _conditions, _folder, _law) = (trained, conditions, new SweepFolder(trained.Run, warned), law);
        _sets = new SetEvaluator(plan, trained.Model.Context, () => [(against, real)]);
        _names = [.. Distinct(plan.Metrics.Select(metric => metric.Id))];
        _circumstances = new JsonObject
        {
            ["checkpoint_sha256"] = trained.CheckpointSha256,
            ["experiment_sha256"] = FileFacts.Hash(trained.Run.Experiment), // how volumes are prepared, too
            [SweepFolder.Plugins] = Node(plan.Sources.DistinctBy(source => source.Plugin)
                .OrderBy(source => source.Plugin, StringComparer.Ordinal)
                .ToDictionary(source => source.Plugin, Build)),
            ["conditions"] = $"{plan.Sampling.Split} {DataFacts.Of(cohort.Of(plan.Sampling.Split), plan.Kinds).Sha256}",
            ["against"] = $"{against} {DataFacts.Of(cohort.Of(against), plan.Kinds).Sha256}",
            // what was judged by earlier versions is judged anew: kernels were as wide as each configuration's own volumes had
            // it, and intervals weighed rows
            ["measured"] = "fixed by the real volumes, intervals by volume",
            ["metrics"] = new JsonArray(
            [
                .. plan.Metrics.Zip(_sets.Metrics, (planned, made) => (JsonNode)new JsonObject
                {
                    ["use"] = planned.Id,
                    ["options"] = JsonSerializer.SerializeToNode(planned.Options, planned.Options.GetType(), AtomicFile.Json),
                    ["extractor"] = made.Metric.Extractor,
                }),
            ]),
        };
        if (plan.Sampling.Bins is { } bins)
            _circumstances["bins"] = new JsonArray([.. bins.Select(count => (JsonNode)count)]);
        if (law is not null)
            _circumstances["bins_from"] = $"{Cohort.Train} {DataFacts.Of(cohort.Of(Cohort.Train), plan.Kinds).Sha256}";
    }

    /// <summary>A plugin's version, and of one that does not come with the program the hashes of what it is.</summary>
    private static string Build(PartSource source) => source.IsOwn ? source.Version : $"{source.Version} {BinaryFacts.Of(source).Build}";

    /// <summary>The metrics by the names that results have for them; the second of two that are the same has a number.</summary>
    public IReadOnlyDictionary<string, SetMetric> Metrics =>
        _names.Zip(_sets.Metrics).ToDictionary(pair => pair.First, pair => pair.Second.Metric);

    /// <summary>What was found of a configuration before, or null.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="plan">The plan with its sampler.</param>
    public SweptConfiguration? Find(SolverConfiguration configuration, ExperimentPlan plan) => _folder.Find(configuration.Name, Key(plan));

    /// <summary>Judges a configuration and keeps what was found.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="plan">The plan with its sampler.</param>
    /// <param name="progress">Called with the number of finished volumes and each step.</param>
    /// <param name="cancellation">Stops between steps; nothing is kept then.</param>
    /// <exception cref="Plans.PartFailedException">The sampler gives up, or a part of it fails.</exception>
    public SweptConfiguration Judge(
        SolverConfiguration configuration, ExperimentPlan plan, Action<int, SamplerStep>? progress = null,
        CancellationToken cancellation = default)
    {
        var seconds = new List<double>();
        var generated = GeneratedSet.New(
            plan, new GenerationPlan(plan.Sampling, plan.Sampler), _trained, _conditions, progress,
            volume => seconds.Add(volume.Seconds), _law);
        var judged = _sets.Run(_trained, generated, cancellation);
        var result = new SweptConfiguration
        {
            Name = configuration.Name,
            Sampler = configuration.Sampler,
            Steps = configuration.Steps,
            Tolerance = configuration.Tolerance,
            Nfe = judged.FunctionEvaluations,
            SecondsPerVolume = seconds.Average(),
            Metrics = _names.Zip(judged.Metrics).ToDictionary(
                pair => pair.First,
                pair => new SweptMetric
                {
                    Value = pair.Second.Value,
                    Order = pair.Second.Order,
                    Interval = pair.Second.Interval,
                    Basis = pair.Second.Basis,
                    Extractor = pair.Second.Extractor,
                    Warnings = pair.Second.Warnings,
                }),
        };
        _folder.Keep(Key(plan), result);
        return result;
    }

    /// <summary>All that the numbers follow from.</summary>
    private JsonObject Key(ExperimentPlan plan)
    {
        var key = (JsonObject)_circumstances.DeepClone();
        key["sampler"] = plan.Sampler.Id;
        key["options"] = JsonSerializer.SerializeToNode(plan.Sampler.Options, plan.Sampler.Options.GetType(), AtomicFile.Json);
        key["sampling"] = Node(plan.Sampling);
        if (_trained.Weaker is { } weaker)
            key["weaker_sha256"] = weaker.Sha256;
        if (plan.Sampling.EmaLength is not null)
            key["weights_sha256"] = _trained.Sha256;
        // solvers ask no discriminator; what another sampler asks may have been trained anew
        if (SolverConfiguration.All.All(solver => solver.Sampler != plan.Sampler.Id)
            && new DiscriminatorFolder(_trained.Run).Weights is var weights
            && File.Exists(weights))
            key["discriminator_sha256"] = FileFacts.Hash(weights);
        return key;
    }

    private static JsonNode Node<T>(T value) => JsonSerializer.SerializeToNode(value, AtomicFile.Json)!;

    private static IEnumerable<string> Distinct(IEnumerable<string> ids)
    {
        var seen = new Dictionary<string, int>();
        foreach (var id in ids)
        {
            seen[id] = seen.GetValueOrDefault(id) + 1;
            yield return seen[id] == 1 ? id : $"{id}_{seen[id]}";
        }
    }

    /// <summary>Frees the features of real volumes.</summary>
    public void Dispose() => _sets.Dispose();
}
