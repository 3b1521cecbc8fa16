using System.Collections;
using System.Text.Json;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Configuration;

/// <summary>What a plan has at the keys of its experiment, those that are not written included.</summary>
internal static class PlanValues
{
    private const string Use = "use";

    /// <summary>The value at a key, such as <c>training.guard.max_skips</c>, as JSON; null where the plan has no such key.</summary>
    public static string? Find(Plan plan, string key)
    {
        foreach (var section in Sections(plan))
        {
            if (key == section.Path && section is { Part: { } part })
                return Json((object[])[part, .. section.Options]); // its id alone is a part without options
            if (key.StartsWith(section.Path + ".", StringComparison.Ordinal))
                return Find(section, key[(section.Path.Length + 1)..].Split('.'));
        }

        return null;
    }

    private static string? Find(Section section, string[] steps)
    {
        if (steps is [Use])
            return section.Part;
        var record = section.Options.FirstOrDefault(options => OptionsShape.Of(options.GetType()).Property(steps[0]) is not null);
        return record is null ? null : Find(record, steps);
    }

    private static string? Find(object? value, ReadOnlySpan<string> steps)
    {
        if (steps.IsEmpty || value is null)
            return Json(value);
        if (value is IDictionary named)
            return Find(named[steps[0]], steps[1..]);
        return OptionsShape.Of(value.GetType()).Property(steps[0]) is { } property ? Find(property.GetValue(value), steps[1..]) : null;
    }

    private static string Json(object? value) => JsonSerializer.Serialize(value, value?.GetType() ?? typeof(object), AtomicFile.Json);

    /// <summary>The sections that are records, those within others first.</summary>
    private static IEnumerable<Section> Sections(Plan plan) =>
    [
        new("data", null, plan.Data), new("expect", null, plan.Expect),
        .. plan switch
        {
            ExperimentPlan diffusion => Sections(diffusion),
            CompressionPlan compression =>
            [
                new("compressor", compression.Compressor.Id, compression.Compressor.Options), new("training", null, compression.Training, compression.Compression),
                new("sampling", null, compression.Sampling), new("evaluation", null, compression.Evaluation),
            ],
            _ => Array.Empty<Section>(),
        },
    ];

    private static Section[] Sections(ExperimentPlan plan) =>
    [
        new("condition.compressor", plan.ConditionCompressor?.Id, [plan.ConditionLatent, .. plan.ConditionCompressor is { } own ? [own.Options] : Array.Empty<object>()]),
        new("condition", null, plan.Condition),
        new("compressor", plan.Compressor.Id, plan.Latent, plan.Compressor.Options),
        new("architecture", plan.Architecture.Id, plan.Architecture.Options),
        new("strategy", plan.Strategy.Id, plan.Strategy.Options),
        new("training", null, plan.Training),
        new("sampling", plan.Sampler.Id, plan.Sampling, plan.Sampler.Options),
        new("evaluation", null, plan.Evaluation),
    ];

    /// <summary>A section, the part that it names, and the records that share its keys.</summary>
    private sealed record Section(string Path, string? Part, params object[] Options);
}
