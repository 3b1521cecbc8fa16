using System.Collections.Immutable;
using System.Reflection;
using NuGet.Versioning;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Host.Plugins;

/// <summary>The plugins of some folders, from their manifests. Reading it loads no plugin and no libtorch.</summary>
internal sealed class PluginCatalogue
{
    private PluginCatalogue(ImmutableArray<string> folders, ImmutableArray<Plugin> plugins) => (Folders, Plugins) = (folders, plugins);

    /// <summary>Where plugins are looked for unless <c>--plugins</c> says otherwise: beside the program.</summary>
    public static string DefaultFolder { get; } = Path.Combine(AppContext.BaseDirectory, "plugins");

    /// <summary>The version of the contract that this host has.</summary>
    public static NuGetVersion Contract { get; } = NuGetVersion.Parse(
        typeof(PlanException).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);

    /// <summary>The folders that were searched, full paths.</summary>
    public ImmutableArray<string> Folders { get; }

    /// <summary>Every plugin found, in the order of ids, usable or not.</summary>
    public ImmutableArray<Plugin> Plugins { get; }

    /// <summary>Reads the plugins of <paramref name="folders"/>: each is a folder of plugins, or a plugin itself.</summary>
    /// <exception cref="UsageException">A folder does not exist.</exception>
    public static PluginCatalogue Read(params IReadOnlyList<string> folders)
    {
        if (folders.Count == 0)
            folders = [DefaultFolder];
        if (folders.FirstOrDefault(f => !Directory.Exists(f) && f != DefaultFolder) is { } absent)
            throw new UsageException($"--plugins {absent}: there is no such folder");

        var full = folders.Select(Path.GetFullPath).Distinct().ToImmutableArray();
        var plugins = full.SelectMany(PluginFolders).Select(f => PluginFolder.Read(f, Contract)).ToArray();
        return new PluginCatalogue(full, [.. plugins.Select(p => Duplicate(p, plugins)).OrderBy(p => p.Id, StringComparer.Ordinal).ThenBy(p => p.Path, StringComparer.Ordinal)]);
    }

    private static IEnumerable<string> PluginFolders(string folder)
    {
        if (File.Exists(Path.Combine(folder, "plugin.json")))
            return [folder];
        return Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder).Where(d => !Path.GetFileName(d).StartsWith('.')).Order(StringComparer.Ordinal)
            : [];
    }

    private static Plugin Duplicate(Plugin plugin, Plugin[] all) =>
        plugin.Status == PluginStatus.Active && all.FirstOrDefault(o => o != plugin && o.Id == plugin.Id && o.Status == PluginStatus.Active) is { } other
            ? plugin with { Status = PluginStatus.Duplicate, Reason = $"the plugin `{plugin.Id}` is also in {other.Path}; remove one of the two" }
            : plugin;
}
