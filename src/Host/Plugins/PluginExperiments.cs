using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Plugins;

/// <summary>
/// The experiments that plugins bring, in their folders <c>experiments</c>: <c>acme.uvit/small</c> is one of the plugin <c>acme.uvit</c>.
/// </summary>
internal static class PluginExperiments
{
    /// <summary>Names of a plugin's experiments, with its id before them.</summary>
    public static IReadOnlyList<string> Of(Plugin plugin) => [.. Files(plugin).Select(experiment => experiment.Name)];

    /// <summary>The experiments of all plugins that can be used, by name.</summary>
    public static IReadOnlyList<(string Name, string File)> All(PluginCatalogue catalogue) =>
        [.. catalogue.Plugins.Where(plugin => plugin.Status == PluginStatus.Active).SelectMany(Files)];

    /// <summary>The file of an experiment that is named with its plugin's id, or null where there is no such plugin.</summary>
    /// <param name="catalogue">The plugins.</param>
    /// <param name="name">The name.</param>
    /// <param name="place">Where it is named; null on the command line.</param>
    /// <exception cref="ConfigurationException">
    /// The plugin cannot be used, or has no such experiment; the message names the nearest.
    /// </exception>
    public static string? Find(PluginCatalogue catalogue, string name, Position? place = null)
    {
        if (PartName.Parse(name) is not { Plugin: { } owner })
            return null;
        var plugins = catalogue.Plugins.Where(plugin => plugin.Id == owner).ToArray();
        if (plugins.Length == 0)
            return null;
        var plugin = plugins.MinBy(one => one.Status)!;
        if (plugin.Status != PluginStatus.Active)
            throw new ConfigurationException(
                place ?? new Position(name), $"the experiment is of the plugin `{owner}` ({plugin.Path}), which cannot be used: "
                    + $"{plugin.Reason}");
        var all = Files(plugin);
        if (all.FirstOrDefault(experiment => experiment.Name == name) is { File: { } file })
            return file;
        string[] names = [.. all.Select(experiment => experiment.Name)];
        var has = names.Length == 0 ? "it brings none" : $"it brings {string.Join(", ", names)}";
        throw new ConfigurationException(
            place ?? new Position(name), $"the plugin `{owner}` brings no such experiment{Spelling.Suggestion(name, names)} ({has})");
    }

    /// <summary>What lies where a plugin's experiments do, is called nearly as one and is none; null where there is nothing such.</summary>
    public static string? Ignored(Plugin plugin)
    {
        var folder = FolderOf(plugin);
        return !Directory.Exists(folder) ? null : Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) switch
            {
                ".yaml" => Directory.Exists(path),
                ".yml" or ".YAML" or ".YML" => true,
                _ => false,
            })
            .Order(StringComparer.Ordinal).FirstOrDefault();
    }

    private static string FolderOf(Plugin plugin) => Path.Combine(plugin.Path, "experiments");

    private static (string Name, string File)[] Files(Plugin plugin)
    {
        var folder = FolderOf(plugin);
        return [.. ExperimentFolder.List(folder).Select(file => ($"{plugin.Id}/{ExperimentFolder.Id(folder, file)}", file))];
    }
}
