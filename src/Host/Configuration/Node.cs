using System.Collections.Immutable;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Host.Configuration;

/// <summary>A value of a configuration with the place where it was written. Immutable; a node may be shared by several parents.</summary>
internal abstract class Node(Position position)
{
    /// <summary>Where the value was written.</summary>
    public Position Position { get; } = position;

    /// <summary>Nodes below and including this one, shared ones counted each time.</summary>
    public abstract long Size { get; }

    /// <summary>Levels below and including this one.</summary>
    public abstract int Depth { get; }

    /// <summary>For messages: <c>the number 3</c>, <c>a list</c>.</summary>
    public abstract string Description { get; }

    /// <summary>Whether this is the scalar <c>null</c>.</summary>
    public virtual bool IsNull => false;

    /// <summary>The value of a section's key, or null where the section has no such key.</summary>
    /// <exception cref="ConfigurationException">This is not a section.</exception>
    public virtual Node? this[string key] =>
        throw new ConfigurationException(Position, $"expected a section that may hold `{key}`, found {Description}");

    /// <summary>Does what a part alone may refuse, whose options this section holds; the refusal says where.</summary>
    /// <exception cref="ConfigurationException">The part refused.</exception>
    public T Placed<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (PlanException refusal)
        {
            throw Place(refusal);
        }
    }

    /// <summary>
    /// The refusal with file, line and column of its path in this section, which is a whole plan's, or holds a part's options: where the
    /// key at fault was written; else the section that lacks it, or what the command line took out of a plan's; else the file.
    /// </summary>
    public ConfigurationException Place(PlanException refusal)
    {
        var (last, position, found) = Follow(refusal.Path);
        var removed = !found && refusal.Section is not null && last is MapNode lacking
            ? lacking.Removed.Select(entry => entry.KeyPosition).LastOrDefault(place => place.IsSet)
            : null;
        return new ConfigurationException(removed ?? position, refusal.Message, refusal);
    }

    /// <summary>Where <paramref name="path"/> (<c>patch_size</c>, <c>channels.0</c>) was written, as far as it exists.</summary>
    public Position Locate(string? path) => Follow(path).Position;

    /// <summary>Where the value at a path was written, or null where there is none.</summary>
    public Position? PlaceOf(string path) => Follow(path) is { Found: true } found ? found.Position : null;

    private (Node Last, Position Position, bool Found) Follow(string? path)
    {
        var (node, position) = (this, Position);
        foreach (var step in path?.Split('.') ?? [])
        {
            if (node is MapNode map && map.Find(step) is { } entry)
                (node, position) = (entry.Value, entry.KeyPosition);
            else if (node is ListNode list && int.TryParse(step, out var i) && i >= 0 && i < list.Items.Length)
                (node, position) = (list.Items[i], list.Items[i].Position);
            else
                return (node, position, false);
        }

        return (node, position, true);
    }
}

/// <summary>What a scalar is by the rules of YAML 1.2's core schema.</summary>
internal enum ScalarKind
{
    Null,
    Boolean,
    Integer,
    Real,
    Text,
}

/// <summary>A single value.</summary>
internal sealed class ScalarNode(Position position, string text, ScalarKind kind) : Node(position)
{
    /// <summary>The value as written, without quotes.</summary>
    public string Text { get; } = text;

    /// <summary>Text where it was quoted; otherwise what its spelling says.</summary>
    public ScalarKind Kind { get; } = kind;

    public override long Size => 1;

    public override int Depth => 1;

    public override bool IsNull => Kind == ScalarKind.Null;

    public override string Description => Kind switch
    {
        ScalarKind.Null => "nothing",
        ScalarKind.Text => $"the text `{(Text.Length > 40 ? Text[..40] + "…" : Text).ReplaceLineEndings(" ")}`",
        ScalarKind.Boolean => Text,
        _ => $"the number {Text}",
    };
}

/// <summary>An ordered list.</summary>
internal sealed class ListNode(Position position, ImmutableArray<Node> items) : Node(position)
{
    public ImmutableArray<Node> Items { get; } = items;

    public override long Size { get; } = 1 + items.Sum(i => i.Size);

    public override int Depth { get; } = 1 + items.Select(i => i.Depth).DefaultIfEmpty().Max();

    public override string Description => "a list";
}

/// <summary>One key of a section.</summary>
internal sealed record MapEntry(string Key, Position KeyPosition, Node Value);

/// <summary>A section: keys in the order in which they were written.</summary>
internal sealed class MapNode(Position position, ImmutableArray<MapEntry> entries) : Node(position)
{
    private readonly Dictionary<string, MapEntry> _byKey = entries.ToDictionary(e => e.Key, StringComparer.Ordinal);

    public ImmutableArray<MapEntry> Entries { get; } = entries;

    /// <summary>Keys that were taken out by <c>null</c>: they hold nothing, and have to be known all the same.</summary>
    public ImmutableArray<MapEntry> Removed { get; init; } = [];

    public IEnumerable<string> Keys => Entries.Select(e => e.Key);

    public override long Size { get; } = 1 + entries.Sum(e => e.Value.Size);

    public override int Depth { get; } = 1 + entries.Select(e => e.Value.Depth).DefaultIfEmpty().Max();

    public override string Description => "a section with keys";

    public override Node? this[string key] => Find(key)?.Value;

    public MapEntry? Find(string key) => _byKey.GetValueOrDefault(key);

    /// <summary>The section without some of its keys.</summary>
    public MapNode Without(params IEnumerable<string> keys)
    {
        var dropped = keys.ToHashSet(StringComparer.Ordinal);
        return new MapNode(Position, [.. Entries.Where(e => !dropped.Contains(e.Key))])
        {
            Removed = [.. Removed.Where(e => !dropped.Contains(e.Key))],
        };
    }

    /// <summary>The section with another value of one of its keys; the same where it has no such key.</summary>
    public MapNode With(string key, Node value) =>
        new(Position, [.. Entries.Select(entry => entry.Key == key ? entry with { Value = value } : entry)]) { Removed = Removed };
}
