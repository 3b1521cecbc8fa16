using System.Text.Json;

namespace VoxelZoo.Host.Plugins;

/// <summary>An option of a part, as people read it.</summary>
/// <param name="Key">Its key, with those of the sections that it is in.</param>
/// <param name="Type">What it takes.</param>
/// <param name="Default">Its default as JSON; empty where there is none.</param>
/// <param name="Limits">Its range, or empty.</param>
/// <param name="About">What it is.</param>
internal sealed record OptionFacts(string Key, string Type, string Default, string Limits, string About)
{
    /// <summary>The options of a manifest's schema; those of sections within follow them.</summary>
    public static IReadOnlyList<OptionFacts> Of(string schema)
    {
        using var json = JsonDocument.Parse(schema);
        return [.. Within(json.RootElement, "")];
    }

    private static IEnumerable<OptionFacts> Within(JsonElement schema, string path)
    {
        if (Member(schema, "properties") is not { ValueKind: JsonValueKind.Object } properties)
            yield break;
        foreach (var property in properties.EnumerateObject())
        {
            var (key, value) = (path + property.Name, property.Value);
            yield return new OptionFacts(
                key,
                TypeOf(value),
                Member(value, "default")?.GetRawText() ?? "",
                LimitsOf(value),
                Member(value, "description")?.ToString() ?? "");
            foreach (var below in Within(value, key + ".").Concat(Member(value, "items") is { } items ? Within(items, key + "[].") : []))
                yield return below;
        }
    }

    private static string TypeOf(JsonElement schema) =>
        Member(schema, "enum") is { ValueKind: JsonValueKind.Array } names ? string.Join(" | ", names.EnumerateArray())
        : Member(schema, "type")?.ToString() switch
        {
            "array" when Member(schema, "items") is { } items => $"list of {TypeOf(items)}",
            "object" when Member(schema, "additionalProperties") is { ValueKind: JsonValueKind.Object } values =>
                $"section of {TypeOf(values)}",
            "object" => "section",
            { Length: > 0 } type => type,
            _ => "anything",
        };

    private static string LimitsOf(JsonElement schema)
    {
        string?[] limits =
        [
            Bound(schema, "minimum", "≥"), Bound(schema, "exclusiveMinimum", ">"), Bound(schema, "maximum", "≤"),
            Bound(schema, "exclusiveMaximum", "<"),
            Bound(schema, "minItems", "items ≥"), Bound(schema, "maxItems", "items ≤"), Bound(schema, "pattern", "like"),
            Member(schema, "items") is { } items && LimitsOf(items) is { Length: > 0 } each ? $"each {each}" : null,
        ];
        return string.Join(", ", limits.OfType<string>());
    }

    private static string? Bound(JsonElement schema, string key, string sign) =>
        Member(schema, key) is { } value ? $"{sign} {value}" : null;

    private static JsonElement? Member(JsonElement schema, string key) =>
        schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty(key, out var value) ? value : null;
}
