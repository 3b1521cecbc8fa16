using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>What reading an experiment of either kind needs: parts, lists, names, and the places of what the engine refuses.</summary>
internal abstract class SectionReader(PartRegistry registry)
{
    /// <summary>The parts.</summary>
    protected PartRegistry Registry { get; } = registry;

    /// <summary>Refuses a section that this kind of experiment does not have; it may have meant one of <paramref name="others"/>.</summary>
    protected static void RefuseUnknownSections(MapNode root, IReadOnlyList<string> sections, params IReadOnlyList<string> others)
    {
        // what `null` takes out may be another kind's, which a file extends
        foreach (var entry in root.Entries.Where(e => !sections.Contains(e.Key))
            .Concat(root.Removed.Where(e => !sections.Union(others).Contains(e.Key))))
            throw new ConfigurationException(
                entry.KeyPosition,
                $"unknown section `{entry.Key}`{Spelling.Suggestion(entry.Key, sections.Union(others))} (sections: "
                + $"{string.Join(", ", sections)})");
    }

    /// <summary>Composes a plan, and places what is wrong with it in the file.</summary>
    protected static T Composed<T>(MapNode root, Func<T> compose)
        where T : Plan
    {
        try
        {
            return compose();
        }
        catch (PlanException e) when (e.Section is not null)
        {
            throw root.Place(e);
        }
    }

    /// <summary>The part that a section, or an item of a list, names, with its options.</summary>
    protected PlannedPart<T> Planned<T>(string section, Node node)
        where T : class, IPart
    {
        if (node is ScalarNode { IsNull: false } name)
            node = new MapNode(name.Position, [new MapEntry("use", name.Position, name)]); // a part without options by its id alone
        var part = Registry.Get<T>(Binder.PartOf(node));
        return Planned(section, part, Binder.BindPart(node, part.Value.OptionsType), node);
    }

    /// <summary>A part with options that were bound from a node.</summary>
    protected static PlannedPart<T> Planned<T>(string section, Part<T> part, object options, Node node)
        where T : class, IPart =>
        new(
            section,
            part.Id,
            part.Value,
            options,
            new PartSource(part.Plugin, part.Version, part.Value.GetType().Assembly.Location) { Folder = part.Path })
        {
            Bound = options,
            Preset = Binder.PresetOf(node, options.GetType()),
            Written = [.. OptionDefaults.Written(node, options.GetType())],
        };

    protected static Node Section(MapNode root, string key) =>
        root[key] ?? throw new ConfigurationException(root.Position, $"the section `{key}` is missing; add `{key}: {{use: ID}}`");

    // file systems take names of 255 bytes, and runs, chains and temporary files add to it
    private const int LongestId = 128;

    /// <summary>The experiment's id.</summary>
    public static string Id(MapNode root) =>
        Text(root, "id") is not { Length: > 0 } id ? throw new ConfigurationException(
            root.Position, "the experiment has no `id`; add one, which also names its run folders")
        : id.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')) || id[0] is '.' or '-'
            ? throw new ConfigurationException(
                root.Locate("id"),
                $"the id `{string.Concat(id.Take(LongestId).Select(Shown))}` names folders: use letters, digits, `_`, "
                + $"`-` and `.` only{(id[0] is '.' or '-' ? ", and a letter, a digit or `_` first" : "")}")
            : id.Length > LongestId
            ? throw new ConfigurationException(
                root.Locate("id"), $"the id has {id.Length} characters; it names folders, so use {LongestId} at most")
            : id;

    private static string Shown(char letter) => char.IsControl(letter) ? $"\\x{(int)letter:x2}" : $"{letter}";

    protected static string? Text(MapNode root, string key) => root[key] switch
    {
        null => null,
        ScalarNode { IsNull: false } scalar => scalar.Text,
        var other => throw new ConfigurationException(other.Position, $"`{key}` is {other.Description}, expected text"),
    };

    protected static string[] Names(MapNode root, string key) =>
        [.. Items(root[key]).Select(item => item is ScalarNode { IsNull: false } name
            ? name.Text
            : throw new ConfigurationException(item.Position, $"`{key}` takes names of images such as bravo, found {item.Description}"))];

    /// <summary>The metrics of the section <c>evaluation</c> that can be computed here, and those that it does without.</summary>
    protected (IReadOnlyList<PlannedPart<IMetric>> Metrics, IReadOnlyList<LeftOutMetric> LeftOut) Metrics(MapNode root) =>
        Metrics("evaluation", Items((root["evaluation"] as MapNode)?["metrics"]));

    /// <summary>Those of a list of metrics that can be computed here, and those that it does without.</summary>
    protected (IReadOnlyList<PlannedPart<IMetric>> Metrics, IReadOnlyList<LeftOutMetric> LeftOut) Metrics(
        string section, IEnumerable<Node> items) =>
        OptionalMetrics.Present([.. items.Select(item => Metric(section, item))]);

    private (PlannedPart<IMetric> Metric, bool Optional) Metric(string section, Node node)
    {
        if (node is not MapNode)
            return (Planned<IMetric>(section, node), false);
        var part = Registry.Get<IMetric>(Binder.PartOf(node));
        var (presence, options) = Binder.BindPart<MetricPresence>(node, part.Value.OptionsType);
        return (Planned(section, part, options, node), presence.Optional);
    }

    /// <summary>A list's items; a single value counts as a list of one.</summary>
    protected static IEnumerable<Node> Items(Node? node) => node switch
    {
        null or { IsNull: true } => [],
        ListNode list => list.Items,
        _ => [node],
    };
}
