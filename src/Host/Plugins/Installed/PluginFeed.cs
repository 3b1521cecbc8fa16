using NuGet.Versioning;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>Packages of plugins, of any number of plugins and versions.</summary>
internal abstract class PluginFeed : IDisposable
{
    /// <summary>Where it is: a folder's full path, or an address.</summary>
    public abstract string Place { get; }

    /// <summary>Opens a feed: a folder, or by an address of <c>http</c> or <c>https</c> a server of NuGet's protocol.</summary>
    /// <param name="place">The folder or the address.</param>
    /// <param name="cancellation">Ends what a server is asked.</param>
    /// <exception cref="UsageException">There is no such folder, or the address is none that is taken.</exception>
    public static PluginFeed Open(string place, CancellationToken cancellation = default) =>
        place.Contains("://", StringComparison.Ordinal) ? ServedFeed.At(place, cancellation)
        : Directory.Exists(place) ? new FolderFeed(Path.GetFullPath(place))
        : throw new UsageException($"--source {place}: there is no such folder");

    /// <summary>The latest version of a plugin that this host can use.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public abstract FeedPackage Latest(string id);

    /// <summary>The same, or null where there is none that is later than another.</summary>
    public abstract FeedPackage? Later(string id, NuGetVersion than);

    /// <summary>Deletes what was brought from elsewhere.</summary>
    public virtual void Dispose()
    {
    }

    /// <summary>A refusal for packages of which none is for this host.</summary>
    private protected UsageException Unfit(string id, IEnumerable<FeedPackage> packages) => new(
        $"{Place} holds the plugin `{id}` for other contracts than this host's {PluginCatalogue.Contract.ToNormalizedString()} only: "
            + string.Join(", ", packages.OrderBy(package => package.Version)
                .Select(package => $"{package.Version.ToNormalizedString()} for {package.Manifest.Contract.OriginalString}")));

    /// <summary>The package in a file, or null where it is none of a plugin's.</summary>
    /// <param name="path">The file.</param>
    /// <param name="source">Where it is of.</param>
    private protected FeedPackage? Opened(string path, string source)
    {
        try
        {
            using var package = PluginPackage.Open(path);
            var manifest = package.ReadManifest();
            return NuGetVersion.TryParse(manifest.Version, out var version) ? new FeedPackage(path, manifest, version, Place, source)
                : null;
        }
        catch (Exception e) when (e is UsageException or InvalidDataException or IOException)
        {
            return null;
        }
    }
}

/// <summary>A package of a feed.</summary>
/// <param name="Path">Its file, which may be gone with the feed.</param>
/// <param name="Manifest">What its plugin says of itself.</param>
/// <param name="Version">The plugin's version.</param>
/// <param name="Feed">The feed's place.</param>
/// <param name="Source">Where the package itself is.</param>
internal sealed record FeedPackage(string Path, Manifest Manifest, NuGetVersion Version, string Feed, string Source)
{
    /// <summary>Whether it is for this host's contract.</summary>
    public bool Fits => Manifest.Contract.Satisfies(PluginCatalogue.Contract);
}
