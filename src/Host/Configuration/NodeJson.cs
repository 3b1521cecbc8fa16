using System.Globalization;
using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Configuration;

/// <summary>A configuration as JSON, for readers that know no YAML.</summary>
internal static class NodeJson
{
    /// <summary>The same values; numbers that JSON or 64 bits cannot hold are texts, as they were written.</summary>
    public static JsonNode? Of(Node node) => node switch
    {
        MapNode map => new JsonObject(map.Entries.Select(entry => KeyValuePair.Create(entry.Key, Of(entry.Value)))),
        ListNode list => new JsonArray([.. list.Items.Select(Of)]),
        ScalarNode scalar => Of(scalar),
        _ => null,
    };

    private static JsonValue? Of(ScalarNode scalar) => scalar.Kind switch
    {
        ScalarKind.Null => null,
        ScalarKind.Boolean => JsonValue.Create(bool.Parse(scalar.Text)),
        ScalarKind.Integer when long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) =>
            JsonValue.Create(whole),
        ScalarKind.Real when double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            && double.IsFinite(real) =>
            JsonValue.Create(real),
        _ => JsonValue.Create(scalar.Text),
    };
}
