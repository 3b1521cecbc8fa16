using System.Text.Json;
using System.Text.Json.Nodes;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Reads JSON that may lack anything, or hold something else: what is not there as asked for is null.</summary>
internal static class JsonReading
{
    /// <summary>The value at a path such as <c>training.ema.decay</c>.</summary>
    public static JsonNode? At(this JsonNode? node, string path)
    {
        foreach (var key in path.Split('.'))
            node = (node as JsonObject)?[key];
        return node;
    }

    /// <summary>A text, or a number or truth value as it is written.</summary>
    public static string? Text(this JsonNode? node, string path) => node.At(path) is JsonValue value ? value.ToString() : null;

    public static double? Number(this JsonNode? node, string path) =>
        node.At(path) is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue<double>(out var number)
            ? number
            : Parsed(node.Text(path));

    /// <summary>The texts of a list, or the one text that stands instead of it.</summary>
    public static IReadOnlyList<string> Texts(this JsonNode? node, string path) => node.At(path).Texts();

    /// <inheritdoc cref="Texts(JsonNode?, string)"/>
    public static IReadOnlyList<string> Texts(this JsonNode? node) => node switch
    {
        JsonArray list => [.. list.OfType<JsonValue>().Select(value => value.ToString())],
        JsonValue value => [value.ToString()],
        _ => [],
    };

    /// <summary>The objects of a list.</summary>
    public static IEnumerable<JsonObject> Objects(this JsonNode? node, string path) =>
        (node.At(path) as JsonArray)?.OfType<JsonObject>() ?? [];

    /// <summary>The JSON itself, with keys in order, to see whether two are the same.</summary>
    public static string Canonical(this JsonNode? node) => node switch
    {
        JsonObject map =>
            "{"
            + string.Join(
                ',', map.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}:{entry.Value.Canonical()}"))
            + "}",
        JsonArray list => $"[{string.Join(',', list.Select(Canonical))}]",
        null => "null",
        _ => node.ToJsonString(),
    };

    // non-finite numbers are written as texts
    private static double? Parsed(string? text) => text switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        _ => null,
    };
}
