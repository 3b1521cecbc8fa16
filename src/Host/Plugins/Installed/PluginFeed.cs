using NuGet.Versioning;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>A folder of plugins' packages, of any number of plugins and versions.</summary>
internal sealed class PluginFeed
{
    private readonly string _folder;
    private readonly Lazy<FeedPackage[]> _packages;

    private PluginFeed(string folder) => (_folder, _packages) = (folder, new(() => [.. Packages()]));

    /// <summary>Opens a feed.</summary>
    /// <exception cref="UsageException">There is no such folder.</exception>
    public static PluginFeed Open(string folder) => Directory.Exists(folder)
        ? new PluginFeed(Path.GetFullPath(folder))
        : throw new UsageException(folder.Contains("://", StringComparison.Ordinal)
            ? $"--source {folder}: a feed is a folder of .nupkg files; download the package, and install that"
            : $"--source {folder}: there is no such folder");

    /// <summary>The latest version of a plugin that this host can use.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public FeedPackage Latest(string id)
    {
        var all = _packages.Value.Where(package => package.Manifest.Id == id).ToArray();
        if (all.Length == 0)
            throw new UsageException($"{_folder} holds no package of a plugin `{id}`{Spelling.Suggestion(id, _packages.Value.Select(package => package.Manifest.Id).Distinct())}");
        return LatestOf(id) ?? throw new UsageException(
            $"{_folder} holds the plugin `{id}` for other contracts than this host's {PluginCatalogue.Contract.ToNormalizedString()} only: "
                + string.Join(", ", all.OrderBy(package => package.Version).Select(package => $"{package.Version.ToNormalizedString()} for {package.Manifest.Contract.OriginalString}")));
    }

    /// <summary>The same, or null where there is none.</summary>
    public FeedPackage? LatestOf(string id) => _packages.Value
        .Where(package => package.Manifest.Id == id && package.Manifest.Contract.Satisfies(PluginCatalogue.Contract))
        .MaxBy(package => package.Version);

    private IEnumerable<FeedPackage> Packages()
    {
        foreach (var path in Directory.EnumerateFiles(_folder, "*.nupkg").Order(StringComparer.Ordinal))
        {
            if (Opened(path) is { } package)
                yield return package;
        }
    }

    // a feed may hold packages that are none of plugins
    private static FeedPackage? Opened(string path)
    {
        try
        {
            using var package = PluginPackage.Open(path);
            var manifest = package.ReadManifest();
            return NuGetVersion.TryParse(manifest.Version, out var version) ? new FeedPackage(path, manifest, version) : null;
        }
        catch (Exception e) when (e is UsageException or InvalidDataException or IOException)
        {
            return null;
        }
    }
}

/// <summary>A package of a feed.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Manifest">What its plugin says of itself.</param>
/// <param name="Version">The plugin's version.</param>
internal sealed record FeedPackage(string Path, Manifest Manifest, NuGetVersion Version);
