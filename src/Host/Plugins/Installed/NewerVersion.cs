using NuGet.Versioning;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>A later version of an installed plugin, which this host can use.</summary>
/// <param name="Id">The plugin's id.</param>
/// <param name="Installed">The version that is installed.</param>
/// <param name="Package">The later one.</param>
/// <param name="Feed">The feed that has it.</param>
internal sealed record NewerVersion(string Id, string Installed, FeedPackage Package, string Feed)
{
    /// <summary>Those of all plugins of a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="source">The feed; by default each plugin's own, and none for a plugin that was installed from a file.</param>
    /// <exception cref="UsageException">A feed is not there.</exception>
    public static IReadOnlyList<NewerVersion> Of(PluginStore store, string? source)
    {
        var feeds = store.Installed.Values.Select(plugin => source ?? plugin.Feed).OfType<string>().Distinct().ToDictionary(feed => feed, PluginFeed.Open);
        return
        [
            .. from plugin in store.Installed
               let feed = source ?? plugin.Value.Feed
               where feed is not null
               let latest = feeds[feed].LatestOf(plugin.Key)
               where latest is not null && NuGetVersion.TryParse(plugin.Value.Version, out var here) && latest.Version > here
               select new NewerVersion(plugin.Key, plugin.Value.Version, latest, Path.GetFullPath(feed)),
        ];
    }
}
