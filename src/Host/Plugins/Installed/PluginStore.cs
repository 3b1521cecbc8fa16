using VoxelZoo.Engine.Files;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>
/// A folder of plugins into which plugins are installed. They lie in a hidden folder of it, and its lock says which of them it holds: what
/// is done to it takes effect when the lock is replaced, at once, and what is killed before that leaves all as it was.
/// </summary>
internal sealed class PluginStore
{
    /// <summary>The hidden folder.</summary>
    public const string Hidden = ".installed";

    /// <summary>How the names of folders begin that hold what is not installed yet; no id begins so.</summary>
    public const string Staging = "~";

    private PluginStore(string folder) => Folder = folder;

    /// <summary>The user's own folder of plugins, which is always searched.</summary>
    public static string UserFolder { get; } =
        Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "voxelzoo",
            "plugins");

    /// <summary>The plugins that are installed, by id.</summary>
    public IReadOnlyDictionary<string, LockedPlugin> Installed => Read().Plugins;

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>A folder that exists; the user's own is made.</summary>
    /// <param name="folder">The folder, or null for the user's own.</param>
    public static PluginStore Open(string? folder)
    {
        try
        {
            return new PluginStore(PluginCatalogue.Real(Directory.CreateDirectory(folder ?? UserFolder).FullName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UnwrittenException(folder ?? UserFolder, e);
        }
    }

    /// <summary>Puts a plugin in, in the place of another version where <paramref name="replaces"/> says so.</summary>
    /// <param name="source">Its package or folder.</param>
    /// <param name="package">What a feed says of the package, or null where it is of none.</param>
    /// <param name="others">The plugins that are there.</param>
    /// <param name="replaces">Whether it has to be installed already, or else must not be.</param>
    /// <exception cref="UsageException">It is not to be installed; the message says why.</exception>
    public PutPlugin Put(string source, FeedPackage? package, PluginCatalogue others, bool replaces) => Changed(found =>
    {
        using var staged = StagedPlugin.Of(source, InHidden, package);
        var id = staged.Plugin.Id;
        found.Plugins.TryGetValue(id, out var before);
        if (before is not null && !replaces)
            throw new UsageException(
                $"the plugin `{id}` is installed, in version {before.Version}; `plugins update` replaces it, "
                + $"and `plugins remove {id}` removes it");
        if (before is null && replaces)
            throw new UsageException($"the plugin `{id}` is not installed in {Folder}; `plugins install` installs it");
        if (others.Plugins.FirstOrDefault(
            plugin => plugin.Id == id && !plugin.Path.StartsWith(InHidden, StringComparison.Ordinal)) is { } other)
            throw new UsageException($"the plugin `{id}` is already there, in {other.Path}; remove one of the two");
        var to = staged.Locked.PathIn(Folder, id);
        if (staged.Locked.WhyBlocked(to) is not null) // or else it is there already
        {
            if (Directory.Exists(to))
                Directory.Delete(to, recursive: true);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            Directory.Move(staged.Plugin.Path, to);
        }

        found.Plugins[id] = staged.Locked;
        return new PutPlugin(staged.Plugin with { Path = to, Locked = staged.Locked }, before?.Version);
    });

    /// <summary>Takes a plugin out.</summary>
    /// <exception cref="UsageException">It is not installed here.</exception>
    public void Remove(string id) => Changed<object?>(found =>
    {
        if (!found.Plugins.Remove(id))
            throw new UsageException(
                $"the plugin `{id}` is not installed in {Folder}{Spelling.Suggestion(id, found.Plugins.Keys)}; "
                + "one that was dropped into a folder is removed by deleting its own");
        found.Disabled.Remove(id);
        return null;
    });

    /// <summary>Switches a plugin of the folder on or off.</summary>
    /// <param name="id">The plugin's id.</param>
    /// <param name="on">Whether it is to be used.</param>
    /// <returns>Whether that is another state than before.</returns>
    public bool Switch(string id, bool on) => Changed(found => on ? found.Disabled.Remove(id) : found.Disabled.Add(id));

    private string InHidden => Path.Combine(Folder, Hidden);

    private PluginLock Read()
    {
        try
        {
            return PluginLock.Read(Folder);
        }
        catch (InvalidDataException e)
        {
            throw new UsageException(e.Message, e);
        }
    }

    /// <summary>Changes the lock, while nobody else does; then deletes what it names no more.</summary>
    private T Changed<T>(Func<PluginLock, T> change)
    {
        try
        {
            Directory.CreateDirectory(InHidden);
            using var alone = Alone();
            var found = Read();
            DeleteAllBut(found); // what others left that were killed
            var result = change(found);
            found.Write(Folder);
            DeleteAllBut(found);
            return result;
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not UnwrittenException)
        {
            throw new UnwrittenException(Folder, e);
        }
    }

    private FileStream Alone()
    {
        try
        {
            return new FileStream(Path.Combine(InHidden, "busy"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new UsageException($"another process installs into {Folder} or removes from it; wait until it is done", e);
        }
    }

    private void DeleteAllBut(PluginLock found)
    {
        string[] kept = [.. found.Plugins.Select(plugin => plugin.Value.PathIn(Folder, plugin.Key))];
        foreach (var plugin in Directory.EnumerateDirectories(InHidden).ToArray())
        {
            var isStaged = Path.GetFileName(plugin).StartsWith(Staging, StringComparison.Ordinal);
            foreach (var version in isStaged ? [plugin] : Directory.EnumerateDirectories(plugin).Except(kept).ToArray())
                Directory.Delete(version, recursive: true);
            if (!isStaged && !Directory.EnumerateFileSystemEntries(plugin).Any())
                Directory.Delete(plugin);
        }
    }
}

/// <summary>A plugin that was put in.</summary>
/// <param name="Plugin">The plugin.</param>
/// <param name="Before">The version that it took the place of, or null.</param>
internal sealed record PutPlugin(Plugin Plugin, string? Before);
