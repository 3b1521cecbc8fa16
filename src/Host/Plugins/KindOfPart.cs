using VoxelZoo.Abstractions;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Plugins;

/// <summary>A kind of part: its name in manifests and messages, and the contract that its parts implement.</summary>
/// <param name="kind">The kind.</param>
internal abstract class KindOfPart(PartKind kind)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KindOfPart> All { get; } =
    [
        new Of<IArchitecture>(PartKind.Architecture), new Of<INoiseStrategy>(PartKind.Strategy), new Of<ICompressor>(PartKind.Compressor),
        new Of<IAugmentation>(PartKind.Augmentation), new Of<ISampler>(PartKind.Sampler), new Of<IMetric>(PartKind.Metric),
    ];

    /// <summary>Its name, such as <c>architecture</c>.</summary>
    public string Name { get; } = OptionsShape.KeyOf(kind.ToString());

    /// <summary>The kind whose parts implement <typeparamref name="T"/>.</summary>
    public static KindOfPart With<T>()
        where T : class, IPart => All.Single(kind => kind is Of<T>);

    /// <summary>The kind of that name, as manifests have it.</summary>
    public static KindOfPart Named(string name) => All.Single(kind => kind.Name == name);

    /// <summary>The kind that an attribute says.</summary>
    public static KindOfPart Marked(PartAttribute mark) => Named(OptionsShape.KeyOf(mark.Kind.ToString()));

    /// <summary>An instance of a plugin's part, or null where the plugin exports none of that id.</summary>
    /// <exception cref="PluginException">Its constructor threw.</exception>
    public abstract IPart? Create(LoadedPlugin loaded, Plugin plugin, string id);

    private sealed class Of<T>(PartKind kind) : KindOfPart(kind)
        where T : class, IPart
    {
        public override IPart? Create(LoadedPlugin loaded, Plugin plugin, string id) => loaded.Create<T>(plugin, id);
    }
}
