using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// A plan that was read from no file. Its text is JSON, which is YAML, with all that the plan has: whoever reads the run finds the same
/// plan in it.
/// </summary>
/// <param name="plan">The plan.</param>
internal sealed class PlanSource(Plan plan) : ExperimentSource
{
    private static readonly JsonSerializerOptions Options = new(AtomicFile.Json)
    {
        IgnoreReadOnlyProperties = true, // what follows from others is no option
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    /// <inheritdoc/>
    public override string Text
    {
        get
        {
            var root = new JsonObject { ["id"] = plan.Id, ["title"] = plan.Title, ["target"] = List(plan.Target) };
            foreach (var section in PlanSection.Of(plan).Where(section => section is not { Path: "condition.compressor", Part: null }))
            {
                var steps = section.Path.Split('.');
                var within = steps[..^1].Aggregate(root, (map, step) => map[step]!.AsObject());
                within[steps[^1]] = Section(section.Part, section.Options);
            }

            root["data"]!["cohort"] = Whole(plan.Data.Cohort);
            root["evaluation"]!["metrics"] = Parts(plan.Metrics);
            if (plan is ExperimentPlan diffusion)
                AddTo(root, diffusion);
            else
                // which follow from the phases, or mean nothing
                RemoveFrom(
                    root["training"]!.AsObject(), "epochs", "validation_timesteps", "logged_timesteps", "from", "from_checkpoint",
                    "from_weights", "from_optimizer", "from_tensors", "freeze", "lora", "ema_lengths", "loss");
            return root.ToJsonString(Options) + "\n";
        }
    }

    private static void AddTo(JsonObject root, ExperimentPlan plan)
    {
        root["augmentations"] = Parts(plan.Augmentations);
        if (plan.TrainingGeneration is { } watched)
        {
            var section = root["training"]!["generation"]!.AsObject();
            section["metrics"] = Parts(watched.Metrics);
            if (watched.Options.Split is null)
                section.Remove("split");
        }

        if (plan.Generation is { } generation)
            root["evaluation"]!["generate"] = Section(generation.Sampler.Id, generation.Sampling, generation.Sampler.Options);
    }

    private static void RemoveFrom(JsonObject section, params string[] keys)
    {
        foreach (var key in keys)
            section.Remove(key);
    }

    private static JsonArray Parts<T>(IReadOnlyList<PlannedPart<T>> parts)
        where T : class, IPart => [.. parts.Select(part => (JsonNode)Section(part.Id, part.Options))];

    /// <summary>The part that a section names, and the records that share its keys.</summary>
    private static JsonObject Section(string? use, params object[] records)
    {
        var section = new JsonObject();
        if (use is not null)
            section["use"] = use;
        foreach (var record in records)
        {
            foreach (var (key, value) in JsonSerializer.SerializeToNode(record, record.GetType(), Options)!.AsObject())
                section[key] = value?.DeepClone();
        }

        return section;
    }

    private static JsonArray List(IReadOnlyList<string> names) => [.. names.Select(name => JsonValue.Create(name))];

    private static string Whole(string folder) => folder.Length == 0 ? folder : Path.GetFullPath(folder);
}
