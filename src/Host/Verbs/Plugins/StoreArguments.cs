using System.CommandLine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins.Installed;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary>What the verbs that install, replace and remove share.</summary>
internal static class StoreArguments
{
    /// <summary>The option of a feed.</summary>
    public static Option<string?> Source() => new("--source")
    {
        Description = "Feed: a folder of plugins' packages, or the address of a NuGet server", HelpName = "FEED",
    };

    /// <summary>The folder of plugins that is changed: the one that <c>--plugins</c> names, or else the user's own.</summary>
    /// <exception cref="UsageException">It names several, or no folder of plugins.</exception>
    public static PluginStore Store(ParseResult parse) => (parse.GetValue(CommonOptions.Plugins) ?? []) switch
    {
        [] => PluginStore.Open(null),
        [var folder] when !Directory.Exists(folder) => throw new UsageException($"--plugins {folder}: there is no such folder"),
        [var folder] when File.Exists(Path.Combine(folder, "plugin.json")) =>
            throw new UsageException($"--plugins {folder}: this is a plugin, and a folder of plugins is expected"),
        [var folder] => PluginStore.Open(folder),
        _ => throw new UsageException("--plugins names several folders; name the one that is to be changed"),
    };
}
