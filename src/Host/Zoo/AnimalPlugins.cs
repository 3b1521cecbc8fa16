using NuGet.Versioning;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Zoo;

/// <summary>The versions of plugins by which an animal can be used.</summary>
internal static class AnimalPlugins
{
    /// <summary>The ranges for plugins by which one was made: from its version to the next that may break what was.</summary>
    /// <param name="sources">Where its parts come from.</param>
    public static IReadOnlyDictionary<string, string> Of(IEnumerable<PartSource> sources) => sources
        .Where(source => source.Plugin != PartRegistry.Host).DistinctBy(source => source.Plugin)
            .OrderBy(source => source.Plugin, StringComparer.Ordinal)
        .ToDictionary(source => source.Plugin, source => RangeOf(NuGetVersion.Parse(source.Version)));

    /// <summary>Why an animal cannot be used, a sentence for each plugin; nothing where it can.</summary>
    public static IEnumerable<string> Faults(Card card, PluginCatalogue catalogue)
    {
        foreach (var (plugin, written) in card.Plugins)
        {
            if (!VersionRange.TryParse(written, out var range))
            {
                yield return $"the card wants {plugin} in the versions {written}, which is no range; write one such as [0.1.0, 0.2.0)";
                continue;
            }

            var found = catalogue.Plugins.Where(one => one.Id == plugin && one.Status == PluginStatus.Active).ToArray();
            if (found.Length == 0)
                yield return $"it needs the plugin {plugin} in a version of {written}, and there is none";
            else if (!found.Any(one => NuGetVersion.TryParse(one.Version, out var version) && range.Satisfies(version)))
                yield return $"it needs the plugin {plugin} in a version of {written}, and here is {found[0].Version}";
        }
    }

    /// <summary>Refuses an animal whose plugins are not there.</summary>
    /// <exception cref="RunFolderException">They are not.</exception>
    public static void Require(Animal animal, PluginCatalogue catalogue)
    {
        if (Faults(animal.Card, catalogue).FirstOrDefault() is { } fault)
            throw new RunFolderException($"{animal.Folder}: {fault}");
    }

    // a pre-release counts as its release, for what comes with the program may be one
    private static string RangeOf(NuGetVersion version)
    {
        var next = version.Major > 0 ? new NuGetVersion(version.Major + 1, 0, 0) : new NuGetVersion(0, version.Minor + 1, 0);
        return $"[{version.ToNormalizedString()}, {next})";
    }
}
