using System.Collections;
using System.Text.Json;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Host.Configuration;

/// <summary>What a plan has at the keys of its experiment, those that are not written included.</summary>
internal static class PlanValues
{
    private const string Use = "use";

    /// <summary>The value at a key, such as <c>training.guard.max_skips</c>, as JSON; null where the plan has no such key.</summary>
    public static string? Find(Plan plan, string key)
    {
        foreach (var section in PlanSection.Of(plan).OrderByDescending(section => section.Path.Length)) // those within others first
        {
            if (key == section.Path && section is { Part: { } part })
                return Json((object[])[part, .. section.Options]); // its id alone is a part without options
            if (key.StartsWith(section.Path + ".", StringComparison.Ordinal))
                return Find(section, key[(section.Path.Length + 1)..].Split('.'));
        }

        return null;
    }

    private static string? Find(PlanSection section, string[] steps)
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
}
