using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Patients;

/// <summary>One of the two models that generate patients, and what it generates from.</summary>
/// <param name="Plan">Its plan.</param>
/// <param name="Trained">The model.</param>
/// <param name="Conditions">The patients of the split that its plan samples.</param>
/// <param name="Generator">Draws its volumes.</param>
internal sealed record PatientSource(ExperimentPlan Plan, TrainedModel Trained, CohortDataset Conditions, VolumeGenerator Generator)
{
    /// <summary>How the plugins that are there differ from those that its run was trained with, where that is allowed.</summary>
    public IReadOnlyList<PluginChange> ChangedPlugins { get; init; } = [];

    /// <summary>All that its volumes follow from.</summary>
    public JsonObject Facts()
    {
        var sampling = JsonSerializer.SerializeToNode(Plan.Sampling, AtomicFile.Json)!.AsObject();
        sampling.Remove("count");
        if (Plan.Condition.SizeBins is null || Plan.Sampling.AsksForBins)
            sampling.Remove("split");
        var facts = new JsonObject
        {
            ["experiment"] = Plan.Id,
            ["checkpoint"] = Trained.Checkpoint.Name,
            ["checkpoint_sha256"] = Trained.CheckpointSha256,
            ["weights"] = Trained.Weights,
            ["weights_sha256"] = Trained.Sha256,
            ["sampler"] = Plan.Sampler.Id,
            ["sampler_options"] = JsonSerializer.SerializeToNode(Plan.Sampler.Options, Plan.Sampler.Options.GetType(), AtomicFile.Json),
            ["sampling"] = sampling,
            ["plugins"] = new JsonObject(
                Sources().DistinctBy(source => source.Plugin).OrderBy(source => source.Plugin, StringComparer.Ordinal)
                    .Select(source => KeyValuePair.Create(source.Plugin, (JsonNode?)source.Version))),
            ["builds"] = new JsonObject(
                Builds().Select(build => KeyValuePair.Create(build.Name, JsonSerializer.SerializeToNode(build, AtomicFile.Json)))),
        };
        if (ChangedPlugins.Count > 0)
            facts["changed_plugins"] = JsonSerializer.SerializeToNode(ChangedPlugins, AtomicFile.Json);
        return facts;
    }

    /// <summary>Which builds of the plugins those are: two may have one version. The engine's own parts are no plugin's.</summary>
    private IEnumerable<BinaryFacts> Builds() => Sources().Where(source => !source.IsOwn).DistinctBy(source => source.Plugin)
        .OrderBy(source => source.Plugin, StringComparer.Ordinal).Select(BinaryFacts.Of);

    /// <summary>The plugins whose parts make volumes; those of metrics do not.</summary>
    private IEnumerable<PartSource> Sources()
    {
        yield return Plan.Compressor.Source;
        yield return Plan.Architecture.Source;
        yield return Plan.Strategy.Source;
        yield return Plan.Sampler.Source;
        if (Plan.ConditionCompressor is { } condition)
            yield return condition.Source;
    }
}
