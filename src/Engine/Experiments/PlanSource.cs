using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
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
            var root = new JsonObject
            {
                ["id"] = plan.Id,
                ["title"] = plan.Title,
                ["data"] = Section(null, plan.Data with { Cohort = Whole(plan.Data.Cohort) }),
                ["target"] = List(plan.Target),
            };
            foreach (var (key, section) in plan switch
            {
                ExperimentPlan diffusion => Sections(diffusion),
                CompressionPlan compression => Sections(compression),
                _ => throw new ArgumentException($"{plan.GetType()} has no text"),
            })
                root[key] = section;
            root["expect"] = Section(null, plan.Expect);
            return root.ToJsonString(Options) + "\n";
        }
    }

    private static IEnumerable<(string Key, JsonNode Section)> Sections(ExperimentPlan plan)
    {
        var condition = Section(null, plan.Condition);
        if (plan.ConditionCompressor is { } own)
            condition["compressor"] = Section(own.Id, plan.ConditionLatent, own.Options);
        var evaluation = Evaluation(plan.Evaluation, plan.Metrics);
        if (plan.Generation is { } generation)
            evaluation["generate"] = Section(generation.Sampler.Id, generation.Sampling, generation.Sampler.Options);
        return
        [
            ("condition", condition),
            ("compressor", Section(plan.Compressor.Id, plan.Latent, plan.Compressor.Options)),
            ("architecture", Section(plan.Architecture.Id, plan.Architecture.Options)),
            ("strategy", Section(plan.Strategy.Id, plan.Strategy.Options)),
            ("augmentations", Parts(plan.Augmentations)),
            ("training", Section(null, plan.Training)),
            ("sampling", Section(plan.Sampler.Id, plan.Sampling, plan.Sampler.Options)),
            ("evaluation", evaluation),
        ];
    }

    private static IEnumerable<(string Key, JsonNode Section)> Sections(CompressionPlan plan)
    {
        var training = Section(null, plan.Training, plan.Compression);
        foreach (var key in (string[])["epochs", "validation_timesteps"]) // which follow from the phases, or mean nothing
            training.Remove(key);
        return
        [
            ("compressor", Section(plan.Compressor.Id, plan.Compressor.Options)), ("training", training),
            ("sampling", Section(null, plan.Sampling)), ("evaluation", Evaluation(plan.Evaluation, plan.Metrics)),
        ];
    }

    private static JsonObject Evaluation(object options, IReadOnlyList<PlannedPart<IMetric>> metrics)
    {
        var evaluation = Section(null, options);
        evaluation["metrics"] = Parts(metrics);
        return evaluation;
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
