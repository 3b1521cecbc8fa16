namespace VoxelZoo.Host.Configuration;

/// <summary>A value that two configurations do not share; a list is one value.</summary>
/// <param name="Key">The key with its sections, such as <c>training.epochs</c>.</param>
/// <param name="Before">The one's value as JSON, or null where it has none.</param>
/// <param name="After">The other's.</param>
internal sealed record LeafChange(string Key, string? Before, string? After)
{
    /// <summary>
    /// The differences in the order of the second configuration, then what it lacks. Numbers are the same where they have the same value.
    /// </summary>
    public static IReadOnlyList<LeafChange> Between(MapNode before, MapNode after)
    {
        var (one, other) = (Leaves(before).ToDictionary(), Leaves(after).ToDictionary());
        return
        [
            .. other.Keys.Union(one.Keys).Select(key => new LeafChange(key, one.GetValueOrDefault(key), other.GetValueOrDefault(key)))
                .Where(change => change.Before != change.After),
        ];
    }

    private static IEnumerable<KeyValuePair<string, string>> Leaves(MapNode map, string path = "") =>
        map.Entries.SelectMany(entry => entry.Value is MapNode { Entries.IsEmpty: false } below
            ? Leaves(below, $"{path}{entry.Key}.")
            : [KeyValuePair.Create(path + entry.Key, NodeJson.Of(entry.Value)?.ToJsonString(Relaxed) ?? "null")]);

    // for people: × and ≤ as they are
    private static readonly System.Text.Json.JsonSerializerOptions Relaxed = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
