using System.Composition.Hosting;
using System.Reflection;
using McMaster.NETCore.Plugins;
using VoxelZoo.Abstractions;
using VoxelZoo.PluginManifest;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins;

/// <summary>A plugin in its own load context, composed. Plugins are never unloaded: native code may hold on to their delegates.</summary>
internal sealed class LoadedPlugin
{
    private readonly CompositionHost _parts;

    private LoadedPlugin(CompositionHost parts) => _parts = parts;

    /// <summary>Loads and composes a plugin; its constructors do not run yet.</summary>
    /// <exception cref="PluginException">It does not load; the message says why.</exception>
    public static LoadedPlugin Load(Plugin plugin)
    {
        NativeTorch.Load();
        try
        {
            var loader = PluginLoader.CreateFromAssemblyFile(plugin.Assembly!, config =>
            {
                foreach (var shared in PluginFolder.SharedAssemblies)
                    config.SharedAssemblies.Add(new AssemblyName(shared));
            });
            var parts = loader.LoadDefaultAssembly().GetTypes().Where(t => t.IsDefined(typeof(PartAttribute), inherit: false));
            return new LoadedPlugin(new ContainerConfiguration().WithParts(parts).CreateContainer());
        }
        catch (Exception e)
        {
            throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) does not load: {Cause(e)}", e);
        }
    }

    /// <summary>An instance of a part, or null where the plugin exports none of that id.</summary>
    /// <exception cref="PluginException">Its constructor threw.</exception>
    public T? Create<T>(Plugin plugin, string id)
        where T : class, IPart
    {
        try
        {
            return _parts.GetExports<Lazy<T, PartExport>>().SingleOrDefault(e => e.Metadata.Id == id)?.Value;
        }
        catch (Exception e)
        {
            throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) cannot create `{id}`: {Cause(e)}", e);
        }
    }

    /// <summary>An instance of a part that the manifest names.</summary>
    /// <exception cref="PluginException">Its constructor threw, or it is not exported.</exception>
    public IPart Create(Plugin plugin, PartMetadata mark) => KindOfPart.Named(mark.Kind).Create(this, plugin, mark.Id)
        ?? throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) names the {mark.Kind} `{mark.Id}` but does not export it");

    /// <summary>The first line of the innermost reason: composition, reflection and torch wrap it.</summary>
    public static string Cause(Exception e)
    {
        while ((e is ReflectionTypeLoadException { LoaderExceptions: [{ } first, ..] } ? first : e.InnerException) is { } inner)
            e = inner;
        return Thrown.FirstLine(e);
    }

    /// <summary>What a <see cref="PartAttribute"/> says, as composition hands it over.</summary>
    internal sealed class PartExport
    {
        public string Id { get; set; } = "";
    }
}
