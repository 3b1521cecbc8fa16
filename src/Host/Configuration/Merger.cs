using System.Collections.Immutable;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// Lays one configuration over another. Sections merge key by key; lists and single values replace; <c>null</c> removes.
/// A section whose <c>use:</c> changes starts afresh, because its options were those of another part.
/// </summary>
/// <param name="kept">For a section (<c>sampling</c>), the keys that are not the part's and stay when <c>use:</c> changes.</param>
internal sealed class Merger(IReadOnlyDictionary<string, IReadOnlySet<string>> kept)
{
    private const string Use = "use";

    /// <summary>Lays <paramref name="above"/> over <paramref name="below"/>.</summary>
    /// <param name="below">The lower one, or null.</param>
    /// <param name="above">The upper one, whose positions win.</param>
    /// <param name="path">Where both stand: <c>sampling</c>, or empty for the root.</param>
    public Node Lay(Node? below, Node above, string path = "")
    {
        if (below is not MapNode lower || above is not MapNode upper)
            return above;
        if (lower[Use] is ScalarNode before && upper[Use] is ScalarNode after && before.Text != after.Text)
        {
            if (PartName.IsShort(after.Text, before.Text))
                upper = upper.Without(Use); // the part that was named with its plugin, and stays it
            else
                lower = KeptOf(lower, path);
        }

        // who names a cohort does not want the one that would be made
        if (path == "data" && upper["cohort"] is { IsNull: false } && upper["synthesize"] is null)
            lower = lower.Without("synthesize");

        var entries = ImmutableArray.CreateBuilder<MapEntry>();
        foreach (var entry in lower.Entries)
        {
            entries.Add(upper.Find(entry.Key) is { } over
                ? over with { Value = Lay(entry.Value, over.Value, Join(path, entry.Key)) }
                : entry);
        }

        entries.AddRange(upper.Entries.Where(e => lower.Find(e.Key) is null));
        return new MapNode(upper.Position, entries.ToImmutable());
    }

    /// <summary>Applies <c>--set a.b=c</c>: <c>a.0.b</c> goes into a list, and a section as value merges.</summary>
    public Node Set(Node? node, string key, Node value)
    {
        var option = value.Position;
        return At(node, key.Split('.'), 0);

        Node At(Node? current, string[] steps, int depth)
        {
            var here = string.Join('.', steps[..depth]);
            if (depth == steps.Length)
                return Lay(current, value, here);

            if (current is ListNode list)
            {
                if (!int.TryParse(steps[depth], out var i) || i < 0 || i >= list.Items.Length)
                    throw new ConfigurationException(
                        option, $"`{here}` is a list of {list.Items.Length}; `{steps[depth]}` is no index into it");
                return new ListNode(list.Position, list.Items.SetItem(i, At(list.Items[i], steps, depth + 1)));
            }

            if (current is not (null or MapNode or { IsNull: true }))
                throw new ConfigurationException(option, $"`{here}` is {current.Description}, not a section");

            var child = At((current as MapNode)?[steps[depth]], steps, depth + 1);
            // the option wrote its own key; a section that it goes into stays where it was written
            var section = depth < steps.Length - 1 ? (current as MapNode)?.Find(steps[depth]) : null;
            return Lay(
                current,
                new MapNode((current as MapNode)?.Position ?? option, [new MapEntry(steps[depth], section?.KeyPosition ?? option, child)]),
                here);
        }
    }

    /// <summary>Leaves out the keys whose value is <c>null</c>.</summary>
    public static Node WithoutNulls(Node node) => node switch
    {
        MapNode map =>
            new MapNode(map.Position, [.. map.Entries.Where(e => !e.Value.IsNull).Select(e => e with { Value = WithoutNulls(e.Value) })])
            {
                Removed = [.. map.Removed, .. map.Entries.Where(e => e.Value.IsNull)],
            },
        ListNode list => new ListNode(list.Position, [.. list.Items.Select(WithoutNulls)]),
        _ => node,
    };

    private MapNode KeptOf(MapNode section, string path) =>
        new(section.Position, kept.TryGetValue(path, out var keys) ? [.. section.Entries.Where(e => keys.Contains(e.Key))] : []);

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
