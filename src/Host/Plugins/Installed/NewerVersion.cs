using NuGet.Versioning;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>A later version of an installed plugin, which this host can use.</summary>
/// <param name="Id">The plugin's id.</param>
/// <param name="Installed">The version that is installed.</param>
/// <param name="Package">The later one.</param>
internal sealed record NewerVersion(string Id, string Installed, FeedPackage Package)
{
    /// <summary>Those of some installed plugins.</summary>
    /// <param name="plugins">The plugins, by id.</param>
    /// <param name="feeds">Where they are looked for; nowhere for a plugin that was installed from a file, unless a feed is named.</param>
    /// <exception cref="UsageException">A feed is not there.</exception>
    public static IReadOnlyList<NewerVersion> Of(IEnumerable<KeyValuePair<string, LockedPlugin>> plugins, PluginFeeds feeds) =>
    [
        .. from plugin in plugins
           let feed = feeds.Of(plugin.Value)
           where feed is not null && NuGetVersion.TryParse(plugin.Value.Version, out _)
           let later = feed.Later(plugin.Key, NuGetVersion.Parse(plugin.Value.Version))
           where later is not null
           select new NewerVersion(plugin.Key, plugin.Value.Version, later),
    ];
}

/// <summary>The feeds that installed plugins came from, each opened once.</summary>
/// <param name="named">The feed to look in for all of them, or null.</param>
/// <param name="cancellation">Ends what a server is asked.</param>
internal sealed class PluginFeeds(string? named, CancellationToken cancellation) : IDisposable
{
    private readonly Dictionary<string, PluginFeed> _opened = [];

    /// <summary>The feed to look in for all plugins, or null.</summary>
    public string? Named => named;

    /// <summary>The feed in which later versions of a plugin are looked for, or null where it came from none.</summary>
    /// <exception cref="UsageException">It is not there.</exception>
    public PluginFeed? Of(LockedPlugin plugin)
    {
        if ((named ?? plugin.Feed) is not { } place)
            return null;
        if (!_opened.TryGetValue(place, out var feed))
            _opened.Add(place, feed = PluginFeed.Open(place, cancellation));
        return feed;
    }

    public void Dispose()
    {
        foreach (var feed in _opened.Values)
            feed.Dispose();
    }
}
