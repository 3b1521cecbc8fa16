using NuGet.Versioning;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// The section <c>plugins</c>: which plugins have to be there for an experiment, in which versions. It is a condition and no more: where
/// plugins are looked for is never an experiment's to say.
/// </summary>
internal static class RequiredPlugins
{
    /// <summary>The section.</summary>
    public const string Section = "plugins";

    /// <summary>Refuses an experiment whose plugins are not there.</summary>
    /// <exception cref="ConfigurationException">One is not, or not in such a version.</exception>
    public static void Check(MapNode root, PluginCatalogue catalogue)
    {
        foreach (var (id, range, position) in Wanted(root[Section]))
            Check(id, range, position, [.. catalogue.Plugins.Where(plugin => plugin.Id == id)], catalogue);
    }

    private static void Check(string id, VersionRange? range, Position position, Plugin[] found, PluginCatalogue catalogue)
    {
        if (found.Length == 0)
        {
            throw new ConfigurationException(
                position,
                $"the experiment needs the plugin `{id}`, "
                + $"which is not there{Spelling.Suggestion(id, catalogue.Plugins.Select(plugin => plugin.Id))}; "
                + $"drop it into {catalogue.Folders[0]}, or name its folder with --plugins");
        }

        if (found.FirstOrDefault(plugin => plugin.Status == PluginStatus.Active) is not { } active)
            throw new ConfigurationException(
                position, $"the experiment needs the plugin `{id}` ({found[0].Path}), which cannot be used: {found[0].Reason}");
        if (range is not null && !(NuGetVersion.TryParse(active.Version, out var version) && range.Satisfies(version)))
            throw new ConfigurationException(
                position,
                $"the experiment needs the plugin `{id}` in {range.OriginalString}, and in {active.Path} is {active.Version}; "
                + "put one of those versions there");
    }

    private static IEnumerable<(string Id, VersionRange? Range, Position Position)> Wanted(Node? section) => section switch
    {
        null or { IsNull: true } => [],
        ListNode list => list.Items.SelectMany(Wanted),
        ScalarNode id => [(id.Text, null, id.Position)],
        MapNode map => map.Entries.Select(entry => (entry.Key, (VersionRange?)Range(entry.Key, entry.Value), entry.KeyPosition)),
        _ => throw new ConfigurationException(
            section.Position, $"`{Section}` is {section.Description}, expected ids with ranges of versions, as in {{acme: \"[1.0,2.0)\"}}"),
    };

    private static VersionRange Range(string id, Node node) => node is ScalarNode text && VersionRange.TryParse(text.Text, out var range)
        ? range
        : throw new ConfigurationException(
            node.Position,
            $"the version of `{id}` is {node.Description}, expected a range of versions such as \"[1.0,2.0)\", or 1.2 for 1.2 and later");
}
