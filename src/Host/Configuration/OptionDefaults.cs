using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// What an experiment leaves to its parts: the plugin of a part, and the defaults of its options. A run keeps both, so that another version
/// of a plugin, or another plugin with a part of that name, does not change it. What a part completes from the shapes by itself is left to
/// it.
/// </summary>
internal static class OptionDefaults
{
    private const string Use = "use";

    private static readonly JsonSerializerOptions Json = new(AtomicFile.Json)
    {
        IgnoreReadOnlyProperties = true, // what follows from others is no option
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The keys of a part's options that a section writes, with those of sections within: <c>attention.heads</c>.</summary>
    public static IEnumerable<string> Written(Node section, Type options) =>
        section is not MapNode map ? [] : map.Entries.SelectMany(entry =>
            OptionsShape.Of(options).Property(entry.Key) is not { } property ? []
            : IsSection(entry.Value, property) ? Written(entry.Value, Section(property)).Select(below => $"{entry.Key}.{below}")
            : [entry.Key]);

    /// <summary>A resolved experiment with all of that.</summary>
    /// <param name="file">The experiment.</param>
    /// <param name="plan">Its plan.</param>
    public static MapNode Completed(MapNode file, Plan plan)
    {
        file = With(
            file, "evaluation", evaluation => List(evaluation, "metrics", plan.Metrics, [.. plan.LeftOut.Select(metric => metric.Place)]));
        return plan switch
        {
            ExperimentPlan diffusion => Completed(file, diffusion),
            CompressionPlan compression => With(file, "compressor", node => Part(node, compression.Compressor)),
            _ => file,
        };
    }

    private static MapNode Completed(MapNode file, ExperimentPlan plan)
    {
        file = With(file, "compressor", node => Part(node, plan.Compressor, plan.Latent));
        if (plan.ConditionCompressor is { } own)
            file = With(
                file, "condition", condition => With((MapNode)condition, "compressor", node => Part(node, own, plan.ConditionLatent)));
        file = With(file, "architecture", node => Part(node, plan.Architecture));
        file = With(file, "strategy", node => Part(node, plan.Strategy));
        file = With(file, "sampling", node => Part(node, plan.Sampler, plan.Sampling));
        if (plan.Generation is { } generation) // one without a part has that of `sampling`
            file = With(file, "evaluation", evaluation => With(
                (MapNode)evaluation, "generate", node => node[Use] is null ? node : Part(node, generation.Sampler, generation.Sampling)));
        return List(file, "augmentations", plan.Augmentations);
    }

    // an item that the plan does without stays as it is
    private static MapNode List<T>(Node section, string key, IReadOnlyList<PlannedPart<T>> parts, params IReadOnlyCollection<int> without)
        where T : class, IPart => With((MapNode)section, key, node =>
        {
            var next = new Queue<PlannedPart<T>>(parts);
            Node Completed(Node item, int place) => without.Contains(place) ? item : Part(item, next.Dequeue());
            return node is ListNode list ? new ListNode(list.Position, [.. list.Items.Select(Completed)]) : Completed(node, 0);
        });

    private static MapNode With(MapNode map, string key, Func<Node, Node> change) =>
        map[key] is { IsNull: false } value ? map.With(key, change(value)) : map;

    /// <summary>The section of a part, or its name alone, as a whole.</summary>
    /// <param name="node">The section.</param>
    /// <param name="part">The part.</param>
    /// <param name="engine">The engine's record that shares the section, whose keys are not the part's; null where none does.</param>
    private static Node Part<T>(Node node, PlannedPart<T> part, object? engine = null)
        where T : class, IPart
    {
        var name = new ScalarNode(node.Position, new PartName(part.Source.Plugin, part.Id).ToString(), ScalarKind.Text);
        var use = new MapEntry(Use, node.Position, name);
        var map = node as MapNode ?? new MapNode(node.Position, []);
        var whole = Whole(map, part.Bound ?? part.Options, part.Options, engine is null ? [] : [.. OptionsShape.Of(engine.GetType()).Keys]);
        if (node is ScalarNode && whole.Entries.IsEmpty)
            return name;
        return new MapNode(map.Position, [use, .. whole.Without(Use).Entries]);
    }

    /// <summary>A section of options with those that it leaves out.</summary>
    /// <param name="map">The section.</param>
    /// <param name="bound">What it was bound to.</param>
    /// <param name="fitted">What the part made of that.</param>
    /// <param name="others">Keys that are not its.</param>
    private static MapNode Whole(MapNode map, object bound, object? fitted, params IReadOnlyList<string> others)
    {
        var shape = OptionsShape.Of(bound.GetType());
        var written = map.Entries.Select(
            entry => shape.Property(entry.Key) is { } property && IsSection(entry.Value, property) && property.GetValue(bound) is { } below
                ? entry with { Value = Whole((MapNode)entry.Value, below, fitted is null ? null : property.GetValue(fitted)) }
                : entry);
        var left = shape.Keys.Where(key => map.Find(key) is null && !others.Contains(key))
            .Select(
                key => (Key: key, Value: shape.Property(key) is { } property ? NodeOf(key, property, bound, fitted, map.Position) : null));
        return new MapNode(
            map.Position,
            [.. written, .. left.Where(one => one.Value is not null).Select(one => new MapEntry(one.Key, map.Position, one.Value!))]);
    }

    /// <summary>A default as it is written, or null for one that is nothing, that the part changes, or that cannot be written.</summary>
    private static Node? NodeOf(string key, PropertyInfo property, object bound, object? fitted, Position place)
    {
        if (property.GetValue(bound) is not { } value)
            return null;
        try
        {
            var (type, json) = (property.PropertyType, JsonSerializer.Serialize(value, property.PropertyType, Json));
            if (fitted is not null && JsonSerializer.Serialize(property.GetValue(fitted), type, Json) != json)
                return null;
            var node = YamlReader.ParseValue(json, place);
            return JsonSerializer.Serialize(Binder.Read(node, property, key), type, Json) == json ? node : null;
        }
        catch (Exception e) when (e is ConfigurationException or NotSupportedException or InvalidOperationException or JsonException)
        {
            return null; // an infinite number, a function: what no file can say, and a run therefore cannot keep
        }
    }

    private static bool IsSection(Node node, PropertyInfo property) => node is MapNode && OptionsShape.IsSection(Section(property));

    private static Type Section(PropertyInfo property) => Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
}
