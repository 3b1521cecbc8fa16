using System.Reflection;

namespace VoxelZoo.Host.Plugins;

/// <summary>
/// The plugins that come with the program and lie where the build staged them. A part of theirs is what an experiment means by its name
/// alone, whatever is dropped beside them.
/// </summary>
internal static class OwnPlugins
{
    private static readonly string[] Folders =
        typeof(OwnPlugins).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(fact => fact.Key == nameof(OwnPlugins)).Value!.Split(';');

    /// <summary>Whether a plugin of the program has this id.</summary>
    public static bool HasId(string id) => Folders.Any(folder => IdOf(folder) == id);

    /// <summary>Whether a plugin is one of them.</summary>
    public static bool Include(Plugin plugin) =>
        Folders.Any(folder => IdOf(folder) == plugin.Id && plugin.Path == Path.Combine(PluginCatalogue.DefaultFolder, folder));

    // as the build of plugins sets it where a project does not
    private static string IdOf(string folder) => folder.ToLowerInvariant();
}
