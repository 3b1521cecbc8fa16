using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Configuration;

/// <summary>A value of a resolved experiment, and where it comes from.</summary>
/// <param name="Key">The key with its sections, such as <c>training.epochs</c>.</param>
/// <param name="Value">The value.</param>
/// <param name="Line">Its line in the experiment's text, from 1.</param>
/// <param name="Origin">The place that wrote it, or null for a part's default.</param>
internal sealed record ValueOrigin(string Key, JsonNode? Value, int Line, Position? Origin);

/// <summary>Says of each value of an experiment where it was written.</summary>
internal static class ValueOrigins
{
    /// <summary>The values of an experiment's text, in its order.</summary>
    /// <param name="text">The whole experiment, as a run keeps it.</param>
    /// <param name="file">What it was made of.</param>
    public static IReadOnlyList<ValueOrigin> Of(string text, MapNode file) =>
        [
            .. Leaves(YamlReader.Parse(text, ""), "")
                .Select(leaf => new ValueOrigin(leaf.Key, NodeJson.Of(leaf.Node), leaf.Line, PlaceOf(leaf.Key, file)))
        ];

    /// <summary>Where a value was written; a part may have been named by its id alone, where a section stands for it now.</summary>
    private static Position? PlaceOf(string key, MapNode file)
    {
        const string part = ".use";
        return file.PlaceOf(key) ?? (key.EndsWith(part, StringComparison.Ordinal) ? file.PlaceOf(key[..^part.Length]) : null);
    }

    private static IEnumerable<(string Key, Node Node, int Line)> Leaves(Node node, string path) => node switch
    {
        MapNode { Entries.IsEmpty: false } map =>
            map.Entries.SelectMany(entry => entry.Value is MapNode { Entries.IsEmpty: false } || IsSections(entry.Value)
            ? Leaves(entry.Value, Join(path, entry.Key))
            : [(Join(path, entry.Key), entry.Value, entry.KeyPosition.Line)]),
        ListNode list when IsSections(list) => list.Items.SelectMany((item, i) => Leaves(item, Join(path, $"{i}"))),
        _ => [(path, node, node.Position.Line)],
    };

    private static bool IsSections(Node node) => node is ListNode list && list.Items.Any(item => item is MapNode);

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
