using System.Collections;
using System.Reflection;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// Turns nodes into options records. A key that the record does not have, a value of the wrong type and a value out of range
/// are refused where they were written; nothing is ever ignored.
/// </summary>
internal static class Binder
{
    private const string Use = "use";

    /// <summary>A record from its section; from its defaults where there is none.</summary>
    /// <exception cref="ConfigurationException">The section does not fit the record.</exception>
    public static T Bind<T>(Node? node)
        where T : class => (T)Bind(node, typeof(T));

    /// <inheritdoc cref="Bind{T}(Node)"/>
    /// <param name="node">The section.</param>
    /// <param name="alsoAllowed">Keys that it has beside the record's, for who looks for the right one.</param>
    public static T Bind<T>(MapNode node, IEnumerable<string> alsoAllowed)
        where T : class => (T)Record(node, typeof(T), null, [.. alsoAllowed]);

    /// <inheritdoc cref="Bind{T}(Node)"/>
    public static object Bind(Node? node, Type record) =>
        Record(node ?? new MapNode(new Position("(no section)"), []), record, null, []);

    /// <summary>The options of the part that <c>use:</c> names in <paramref name="section"/>, from its other keys.</summary>
    public static object BindPart(Node section, Type options) => Record(WithoutUse(section), options, null, []);

    /// <summary>
    /// Splits a part's section between the engine's record, which takes its own keys, and the part's options, which take the rest.
    /// </summary>
    /// <param name="section">The section.</param>
    /// <param name="options">The part's options.</param>
    /// <param name="alsoAllowed">Keys that it has beside both, for who looks for the right one.</param>
    public static (TEngine Engine, object Options) BindPart<TEngine>(Node section, Type options, params IReadOnlyList<string> alsoAllowed)
        where TEngine : class
    {
        var map = WithoutUse(section);
        var (engineKeys, partKeys) = (OptionsShape.Of(typeof(TEngine)).Keys.ToArray(), OptionsShape.Of(options).Keys.ToArray());
        var engine = Record(
            map.Without(map.Keys.Concat(map.Removed.Select(e => e.Key)).Except(engineKeys)), typeof(TEngine), null, partKeys);
        return ((TEngine)engine, Record(map.Without(engineKeys), options, null, [.. engineKeys, .. alsoAllowed]));
    }

    /// <summary>The id that <c>use:</c> names, and where.</summary>
    public static ScalarNode PartOf(Node section) =>
        section[Use] switch
        {
            ScalarNode { IsNull: false } use => use,
            null => throw new ConfigurationException(section.Position, "the section names no part; add `use: ID`"),
            var other => throw new ConfigurationException(other.Position, $"`use` takes the id of a part, found {other.Description}"),
        };

    /// <summary>A value as an option takes it, within its limits.</summary>
    /// <exception cref="ConfigurationException">It does not.</exception>
    public static object? Read(Node node, PropertyInfo property, string key)
    {
        var value = Value(node, property.PropertyType, key, null);
        Limits.Check(property, key, value, node);
        return value;
    }

    private static MapNode WithoutUse(Node section) => Section(section).Without(Use);

    private static MapNode Section(Node node) =>
        node as MapNode ?? throw new ConfigurationException(node.Position, $"expected a section with keys, found {node.Description}");

    private static object Record(Node node, Type type, object? start, IReadOnlyCollection<string> alsoAllowed)
    {
        var (map, shape) = (Section(node), OptionsShape.Of(type));
        var result = Copy(Preset(map, shape) ?? start) ?? Activator.CreateInstance(type)!;
        foreach (var (key, position, _) in map.Removed.Where(e => shape.Property(e.Key) is null && e.Key != shape.PresetKey))
            throw Unknown(key, position);
        foreach (var (key, position, value) in map.Entries)
        {
            if (shape.Property(key) is not { } property)
            {
                if (key == shape.PresetKey)
                    continue;
                throw Unknown(key, position);
            }

            var bound = Value(value, property.PropertyType, key, property.GetValue(result));
            Limits.Check(property, key, bound, value);
            property.SetValue(result, bound);
        }

        foreach (var key in shape.Required.Where(k => map.Find(k) is null))
            throw new ConfigurationException(map.Position, $"the key `{key}` is missing");
        return result;

        ConfigurationException Unknown(string key, Position position)
        {
            var allowed = shape.Keys.Concat(alsoAllowed).Order(StringComparer.Ordinal).ToArray();
            return new ConfigurationException(
                position,
                $"unknown key `{key}`{Spelling.Suggestion(key, allowed)} "
                + $"({(allowed.Length == 0 ? "no keys are allowed here" : "allowed: " + string.Join(", ", allowed))})");
        }
    }

    /// <summary>The preset that a part's section names, or null.</summary>
    public static string? PresetOf(Node section, Type options) =>
        OptionsShape.Of(options).PresetKey is { } key && section is MapNode map && map[key] is ScalarNode { IsNull: false } name
            ? name.Text
            : null;

    private static object? Preset(MapNode map, OptionsShape shape)
    {
        if (shape.PresetKey is not { } key || map[key] is not { IsNull: false } node)
            return null;
        if (node is ScalarNode name && shape.Presets.TryGetValue(name.Text, out var preset))
            return preset;
        var names = shape.Presets.Keys.Order(StringComparer.Ordinal).ToArray();
        throw new ConfigurationException(
            node.Position,
            $"`{key}` is {node.Description}{(node is ScalarNode word ? Spelling.Suggestion(word.Text, names) : "")} (allowed: "
            + $"{string.Join(", ", names)})");
    }

    private static object? Value(Node node, Type type, string key, object? current)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return node.IsNull ? null : Value(node, underlying, key, current);
        if (OptionsShape.IsScalar(type))
            return Scalars.Convert(node, type, key);
        if (OptionsShape.ItemType(type) is { } item)
            return Items(node, type, item, key);
        if (OptionsShape.DictionaryValueType(type) is { } value)
            return Dictionary(node, value, key);
        if (node is not MapNode)
            throw new ConfigurationException(node.Position, $"`{key}` is {node.Description}, expected a section with keys");
        return Record(node, type, current, []);
    }

    private static Array Items(Node node, Type type, Type item, string key)
    {
        if (node is not ListNode list)
            throw new ConfigurationException(node.Position, $"`{key}` is {node.Description}, expected a list such as [1, 2]");
        var items = Array.CreateInstance(item, list.Items.Length);
        for (var i = 0; i < list.Items.Length; i++)
            items.SetValue(Value(list.Items[i], item, $"{key}.{i}", null), i);
        return type.IsAssignableFrom(items.GetType())
            ? items
            : throw new InvalidOperationException(
                $"a list of {item.Name} cannot be bound to {type}; declare the property as IReadOnlyList or array");
    }

    private static IDictionary Dictionary(Node node, Type value, string key)
    {
        if (node is not MapNode map)
            throw new ConfigurationException(node.Position, $"`{key}` is {node.Description}, expected a section with keys");
        var entries = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), value))!;
        foreach (var entry in map.Entries)
            entries.Add(entry.Key, Value(entry.Value, value, $"{key}.{entry.Key}", null));
        return entries;
    }

    // presets and defaults are shared: never write into them
    private static readonly MethodInfo Clone = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!;

    private static object? Copy(object? start) => start is null ? null : Clone.Invoke(start, null);
}
