using VoxelZoo.Abstractions;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary>One part and its options in a file of their own: <c>{"architecture": id, …options}</c>, JSON or YAML.</summary>
internal static class PartFile
{
    /// <summary>The part that the file names under <paramref name="key"/> and its bound options.</summary>
    /// <exception cref="ConfigurationException">The file, the id or an option cannot be used.</exception>
    public static (Part<T> Part, object Options, MapNode File) Read<T>(string path, string key, PartRegistry registry)
        where T : class, IPart
    {
        var root = YamlReader.ReadFile(path);
        if (root is not MapNode map || map[key] is not ScalarNode { IsNull: false } use)
            throw new ConfigurationException(root.Position, $"expected {{\"{key}\": ID, …options}}");

        var part = registry.Get<T>(use);
        return (part, Binder.Bind(Merger.WithoutNulls(map.Without(key)), part.Value.OptionsType), map);
    }
}
