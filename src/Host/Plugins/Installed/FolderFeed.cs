using NuGet.Versioning;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>A folder of packages.</summary>
internal sealed class FolderFeed : PluginFeed
{
    private readonly Lazy<FeedPackage[]> _packages;

    /// <param name="folder">Its full path.</param>
    public FolderFeed(string folder)
    {
        Place = folder;
        // it may hold packages that are none of plugins
        _packages = new(() =>
        [
            .. Directory.EnumerateFiles(folder, "*.nupkg").Order(StringComparer.Ordinal)
                .Select(path => Opened(path, path)).OfType<FeedPackage>(),
        ]);
    }

    /// <inheritdoc/>
    public override string Place { get; }

    /// <inheritdoc/>
    public override FeedPackage Latest(string id)
    {
        var all = _packages.Value.Where(package => package.Manifest.Id == id).ToArray();
        if (all.Length == 0)
            throw new UsageException($"{Place} holds no package of a plugin "
                + $"`{id}`{Spelling.Suggestion(id, _packages.Value.Select(package => package.Manifest.Id).Distinct())}");
        return LatestOf(id) ?? throw Unfit(id, all);
    }

    /// <inheritdoc/>
    public override FeedPackage? Later(string id, NuGetVersion than) => LatestOf(id) is { } latest && latest.Version > than ? latest : null;

    private FeedPackage? LatestOf(string id) => _packages.Value.Where(package => package.Manifest.Id == id && package.Fits)
        .MaxBy(package => package.Version);
}
