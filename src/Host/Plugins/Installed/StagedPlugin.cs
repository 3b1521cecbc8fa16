using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>
/// A plugin that was brought into a folder of plugins, where nothing finds it yet, and that fits this host. Gone when disposed of.
/// </summary>
internal sealed class StagedPlugin : IDisposable
{
    private readonly string _folder;

    private StagedPlugin(string folder, Plugin plugin, LockedPlugin locked) => (_folder, Plugin, Locked) = (folder, plugin, locked);

    /// <summary>The plugin.</summary>
    public Plugin Plugin { get; }

    /// <summary>What will be locked.</summary>
    public LockedPlugin Locked { get; }

    /// <summary>Brings a package or a plugin's folder into a folder of plugins.</summary>
    /// <param name="source">The package or the folder.</param>
    /// <param name="store">The folder in which it is staged: on the disk of the folder of plugins, so that it can be moved.</param>
    /// <param name="package">What a feed says of the package, or null where it is of none.</param>
    /// <exception cref="UsageException">It is not to be installed; the message says why.</exception>
    public static StagedPlugin Of(string source, string store, FeedPackage? package)
    {
        var folder = Path.Combine(store, $"{PluginStore.Staging}{Guid.NewGuid():n}");
        // a folder with the plugin's name: where there are several .deps.json, the assembly is called after it
        var inside = Path.Combine(folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source))));
        try
        {
            if (Directory.Exists(source) && !File.Exists(Path.Combine(source, "plugin.json")))
                throw new UsageException($"{source} is no plugin's folder, which has a plugin.json; it was not installed");
            Directory.CreateDirectory(inside);
            if (Directory.Exists(source))
                Copy(source, inside);
            else
                Unpack(source, inside);
            return new StagedPlugin(folder, Judged(source, inside), new LockedPlugin
            {
                Version = PluginFolder.Read(inside, PluginCatalogue.Contract).Version,
                Source = package?.Source ?? Path.GetFullPath(source),
                Feed = package?.Feed,
                Files = LockedPlugin.FilesOf(inside),
            });
        }
        catch (Exception e)
        {
            Delete(folder);
            if (e is (IOException or UnauthorizedAccessException) and not UnwrittenException and not { HResult: RegularFile.Refused })
                throw new UnwrittenException(store, e);
            throw;
        }
    }

    public void Dispose() => Delete(_folder);

    private static void Unpack(string source, string to)
    {
        using var package = PluginPackage.Open(source);
        package.Unpack(to);
    }

    private static void Copy(string source, string to)
    {
        var entries = new PackageEntries(source);
        foreach (var path in Directory.EnumerateFileSystemEntries(source, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(source, path).Replace('\\', '/');
            if (new FileInfo(path).LinkTarget is not null)
                throw entries.Refusal($"holds {name}, which is a link");
            if (Directory.Exists(path))
                continue;
            if (RegularFile.WhyNot(path) is { } why)
                throw entries.Refusal($"holds {name}, which cannot be read: {why.TrimEnd('.')}");
            entries.Add(name, new FileInfo(path).Length);
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, name))!);
            File.Copy(path, Path.Combine(to, name));
        }
    }

    private static Plugin Judged(string source, string folder)
    {
        var plugin = PluginFolder.Read(folder, PluginCatalogue.Contract);
        if (plugin.Status != PluginStatus.Active)
            throw new UsageException($"{source} cannot be used: {plugin.Reason}; it was not installed");
        if (!PluginLock.IsId(plugin.Id))
            throw new UsageException(
                $"{source} is the plugin `{plugin.Id}`, an id that cannot name a folder: use lower-case letters, digits, `.`, "
                + "`_` and `-`; it was not installed");
        if (OwnPlugins.HasId(plugin.Id))
            throw new UsageException(
                $"{source} is the plugin `{plugin.Id}`, which comes with the program; "
                + "give this one another id (PluginId). It was not installed");
        return plugin;
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}
