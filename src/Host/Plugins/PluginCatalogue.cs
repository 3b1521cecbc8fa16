using System.Collections.Immutable;
using System.Reflection;
using NuGet.Versioning;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins.Installed;

namespace VoxelZoo.Host.Plugins;

/// <summary>The plugins of some folders, from their manifests. Reading it loads no plugin and no libtorch.</summary>
internal sealed class PluginCatalogue
{
    private PluginCatalogue(ImmutableArray<string> folders, ImmutableArray<Plugin> plugins) => (Folders, Plugins) = (folders, plugins);

    /// <summary>Names more folders of plugins, as <c>PATH</c> names folders of programs.</summary>
    public const string FoldersVariable = "VOXELZOO_PLUGINS";

    /// <summary>Those that it names.</summary>
    public static IReadOnlyList<string> OfEnvironment =>
        Environment.GetEnvironmentVariable(FoldersVariable)?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Where plugins are always looked for: beside the program.</summary>
    public static string DefaultFolder { get; } = Real(Path.Combine(AppContext.BaseDirectory, "plugins"));

    /// <summary>The version of the contract that this host has.</summary>
    public static NuGetVersion Contract { get; } = NuGetVersion.Parse(
        typeof(PlanException).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);

    /// <summary>The folders that were searched, full paths.</summary>
    public ImmutableArray<string> Folders { get; }

    /// <summary>Every plugin found, in the order of ids, usable or not.</summary>
    public ImmutableArray<Plugin> Plugins { get; }

    /// <summary>The plugins that can be used, as runs record them.</summary>
    public IEnumerable<PartSource> Sources =>
        Plugins.Where(plugin => plugin.Status == PluginStatus.Active)
            .Select(plugin => new PartSource(plugin.Id, plugin.Version, plugin.Assembly!) { Folder = plugin.Path });

    /// <summary>
    /// Reads the plugins beside the program, those that the user installed, those of <see cref="FoldersVariable"/>, and those of the
    /// folders that the command line names.
    /// </summary>
    /// <exception cref="UsageException">A folder that is named does not exist.</exception>
    public static PluginCatalogue Find(IEnumerable<string> named)
    {
        foreach (var folder in OfEnvironment)
            Require(FoldersVariable, folder);
        string[] installed = Directory.Exists(PluginStore.UserFolder) ? [PluginStore.UserFolder] : [];
        return Read([DefaultFolder, .. installed, .. OfEnvironment, .. named]);
    }

    /// <summary>Reads the plugins of <paramref name="folders"/> alone: each is a folder of plugins, or a plugin itself.</summary>
    /// <exception cref="UsageException">A folder does not exist.</exception>
    public static PluginCatalogue Read(params IReadOnlyList<string> folders)
    {
        foreach (var folder in folders.Where(folder => folder != DefaultFolder))
            Require("--plugins", folder);
        var full = folders.Select(Real).Distinct().ToImmutableArray();
        var plugins = full.SelectMany(PluginsOf).DistinctBy(plugin => Real(plugin.Path)).ToArray();
        return new PluginCatalogue(
            full,
            [
                .. plugins.Select(p => Duplicate(p, plugins))
                    .OrderBy(p => p.Id, StringComparer.Ordinal).ThenBy(p => p.Path, StringComparer.Ordinal),
            ]);
    }

    /// <summary>One plugin that was read already, and no other.</summary>
    public static PluginCatalogue Of(Plugin plugin) => new([], [plugin]);

    private static void Require(string by, string folder)
    {
        if (!Directory.Exists(folder))
            throw new UsageException($"{by} {folder}: there is no such folder");
    }

    /// <summary>A folder's own path: it may be named by links to it.</summary>
    public static string Real(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        try
        {
            return new DirectoryInfo(full).ResolveLinkTarget(returnFinalTarget: true) is { } target
                ? Path.TrimEndingDirectorySeparator(target.FullName)
                : full;
        }
        catch (IOException)
        {
            return full; // a circle of links
        }
    }

    private static IEnumerable<Plugin> PluginsOf(string folder)
    {
        if (PluginFolder.IsOne(folder))
            return [PluginFolder.Read(folder, Contract)];
        if (!Directory.Exists(folder))
            return [];
        var entries = Directory.EnumerateFileSystemEntries(folder)
            .Where(entry => !Path.GetFileName(entry).StartsWith('.')).Order(StringComparer.Ordinal);
        var dropped = entries.Select(entry => Directory.Exists(entry) ? PluginFolder.Read(entry, Contract) : PluginFolder.Stray(entry))
            .OfType<Plugin>();
        try
        {
            var found = PluginLock.Read(folder);
            return found.Plugins.Select(entry => Installed(folder, entry.Key, entry.Value))
                .Concat(dropped).Select(plugin => Switched(plugin, found));
        }
        catch (InvalidDataException e) // what it was about cannot be told from what was dropped
        {
            return dropped.Append(new Plugin
            {
                Id = PluginLock.FileName, Path = Path.Combine(folder, PluginLock.FileName),
                Status = PluginStatus.Broken, Reason = e.Message,
            });
        }
    }

    private static Plugin Installed(string folder, string id, LockedPlugin locked)
    {
        var path = locked.PathIn(folder, id);
        return locked.WhyBlockedAtAGlance(path) is { } reason
            ? new Plugin { Id = id, Path = path, Version = locked.Version, Locked = locked, Status = PluginStatus.Blocked, Reason = reason }
            : PluginFolder.Read(path, Contract) with { Locked = locked };
    }

    private static Plugin Switched(Plugin plugin, PluginLock found) => found.Disabled.Contains(plugin.Id)
        ? plugin with { Status = PluginStatus.Disabled, Reason = $"it is switched off; `plugins enable {plugin.Id}` switches it on" }
        : plugin;

    private static Plugin Duplicate(Plugin plugin, Plugin[] all)
    {
        if (plugin.Status != PluginStatus.Active
            || OwnPlugins.Include(plugin)
            || all.Where(o => o != plugin && o.Id == plugin.Id && o.Status == PluginStatus.Active).ToArray() is not [var first, ..] others)
            return plugin;
        var reason = others.FirstOrDefault(OwnPlugins.Include) is { } own
            ? $"the plugin `{plugin.Id}` comes with the program, in {own.Path}; give this one another id"
            : $"the plugin `{plugin.Id}` is also in {first.Path}; remove one of the two";
        return plugin with { Status = PluginStatus.Duplicate, Reason = reason };
    }
}
