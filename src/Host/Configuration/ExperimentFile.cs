using System.Collections.Immutable;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>Loads experiments: one YAML file with what it <c>extends:</c>, a profile of it, and <c>--set</c> over both.</summary>
internal static class ExperimentFile
{
    private const string Extends = "extends", Profiles = "profiles";
    private const int LongestChain = 16;

    /// <summary>The resolved experiment, without <c>extends</c> and <c>profiles</c>.</summary>
    /// <param name="path">The file, as from <see cref="ExperimentFolder.Resolve"/>.</param>
    /// <param name="sets">Values over it.</param>
    /// <param name="profile">The name under <c>profiles:</c> whose section is laid over the experiment, or null.</param>
    /// <param name="engineRecords">For a section with a part, the engine's record whose keys stay when <c>use:</c> changes.</param>
    /// <param name="plugins">Those whose experiments <c>extends</c> may name; null where only files are.</param>
    /// <exception cref="ConfigurationException">Something in it cannot be used; the message says where and why.</exception>
    public static MapNode Load(
        string path,
        IReadOnlyList<Assignment>? sets = null,
        string? profile = null,
        IReadOnlyDictionary<string, Type>? engineRecords = null,
        PluginCatalogue? plugins = null)
    {
        var merger = new Merger((engineRecords ?? ImmutableDictionary<string, Type>.Empty)
            .ToDictionary(p => p.Key, p => (IReadOnlySet<string>)OptionsShape.Of(p.Value).Keys.ToHashSet(StringComparer.Ordinal)));
        Node root = WithBases(path, merger, plugins, [], []);
        if (profile is not null)
            root = merger.Lay(root, OfNamedCohort((MapNode)root, ProfileOf((MapNode)root, profile, path)));
        root = ((MapNode)root).Without(Profiles);

        return (MapNode)Merger.WithoutNulls(Apply(sets ?? [], root, merger));
    }

    /// <summary>A section that consists of <c>--set</c> alone.</summary>
    /// <param name="sets">The values.</param>
    /// <param name="source">What positions say that are none of an option's.</param>
    public static MapNode FromSets(IReadOnlyList<Assignment> sets, string source) =>
        (MapNode)Merger.WithoutNulls(
            Apply(sets, new MapNode(new Position(source), []), new Merger(ImmutableDictionary<string, IReadOnlySet<string>>.Empty)));

    // a `use` first, because it resets the options that the others set, and a cohort before what would make one, so
    // that both are refused in either order
    private static Node Apply(IReadOnlyList<Assignment> sets, Node root, Merger merger) =>
        sets.OrderBy(set => set.Key.EndsWith(".use", StringComparison.Ordinal) ? 0 : set.Key == "data.cohort" ? 1 : 2)
            .Aggregate(root, (below, set) => merger.Set(below, set.Key, set.Value));

    // each file is resolved once: a few files that name each other several times would otherwise be read without end
    private static MapNode WithBases(
        string path, Merger merger, PluginCatalogue? plugins, ImmutableList<string> chain, Dictionary<string, MapNode> resolved) =>
        resolved.TryGetValue(path, out var before) ? before : resolved[path] = Resolve(path, merger, plugins, chain, resolved);

    private static MapNode Resolve(
        string path, Merger merger, PluginCatalogue? plugins, ImmutableList<string> chain, Dictionary<string, MapNode> resolved)
    {
        var full = Path.GetFullPath(path);
        var node = YamlReader.ReadFile(path);
        if (node is not MapNode own)
            // which may be anybody's file
            throw new ConfigurationException(
                node.Position, $"expected sections with keys, found {(node is ListNode ? node.Description : "a single value")}");
        if (own[Extends] is not { IsNull: false } extends)
            return own.Without(Extends);

        chain = chain.Add(full);
        Node? below = null;
        foreach (var name in extends is ListNode list ? list.Items : [extends])
        {
            if (name is not ScalarNode { IsNull: false } file)
                throw new ConfigurationException(name.Position, $"`extends` takes the path of a file, the name of a plugin's "
                    + $"experiment, or a list of them, found {name.Description}");
            var next = FileOf(file, path, plugins);
            if (chain.Contains(Path.GetFullPath(next)))
                throw new ConfigurationException(name.Position, $"`extends` goes in a circle: {file.Text} leads back to itself");
            if (chain.Count >= LongestChain)
                throw new ConfigurationException(name.Position, $"`extends` goes through more than {LongestChain} files");
            if (!File.Exists(next))
                throw new ConfigurationException(name.Position, $"`extends` names {file.Text}, but there is no file {next}");
            below = merger.Lay(below, WithBases(next, merger, plugins, chain, resolved));
        }

        return (MapNode)merger.Lay(below, own.Without(Extends));
    }

    /// <summary>The file that is meant, beside the one that names it, or of a plugin.</summary>
    private static string FileOf(ScalarNode named, string path, PluginCatalogue? plugins)
    {
        // only what is meant as a configuration: what is wrong with a file is told with pieces of it
        if (Path.GetExtension(named.Text) is ".yaml" or ".yml" or ".json")
            return Path.Combine(Path.GetDirectoryName(path) ?? "", named.Text);
        return (plugins is null ? null : PluginExperiments.Find(plugins, named.Text, named.Position)) ?? throw new ConfigurationException(
            named.Position,
            $"`extends` names {named.Text}, which does not end in .yaml, .yml or .json, and there is no plugin that brings an "
                + $"experiment of that name");
    }

    /// <summary>
    /// A profile without what it would make the cohort by, where the profile is of a file that is extended and the one that extends it
    /// names a cohort: who does has said all.
    /// </summary>
    private static MapNode OfNamedCohort(MapNode root, MapNode profile)
    {
        if (root["data"] is not MapNode named || named["cohort"] is not { IsNull: false } cohort || named["synthesize"] is not null)
            return profile;
        if (profile["data"] is not MapNode data || data["cohort"] is not null
            || data["synthesize"] is not { } made || made.Position.Source == cohort.Position.Source)
            return profile;
        return new MapNode(
            profile.Position,
            [.. profile.Entries.Select(entry => entry.Key == "data" ? entry with { Value = data.Without("synthesize") } : entry)]);
    }

    private static MapNode ProfileOf(MapNode root, string name, string path)
    {
        var profiles = root[Profiles];
        if (profiles?[name] is MapNode profile)
            return profile;
        if (profiles?[name] is { } found)
            throw new ConfigurationException(found.Position, $"the profile `{name}` is {found.Description}, expected sections with keys");

        var names = (profiles as MapNode)?.Keys.ToArray() ?? [];
        throw new ConfigurationException(
            profiles?.Position ?? new Position(path),
            names.Length == 0
                ? $"there is no profile `{name}`; the experiment has no `profiles`"
                : $"there is no profile `{name}`{Spelling.Suggestion(name, names)} (profiles: {string.Join(", ", names)})");
    }
}
