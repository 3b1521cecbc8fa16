using System.Reflection;
using VoxelZoo.Abstractions;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Plugins;

/// <summary>
/// Gives parts by the id that <c>use:</c> names, from the host itself and from plugins. A plugin is loaded when one of its
/// parts is asked for and not before. An id may be written with the plugin before it: <c>acme/unet</c>.
/// </summary>
/// <param name="catalogue">The plugins that were found.</param>
/// <param name="builtIn">The host's own parts, marked with the same attributes.</param>
/// <param name="warn">Called once for each name that others have as well as the program.</param>
internal sealed class PartRegistry(PluginCatalogue catalogue, IEnumerable<IPart> builtIn, Action<string>? warn = null)
{
    /// <summary>The plugin id of the host's own parts.</summary>
    public const string Host = "voxelzoo";

    private readonly Dictionary<string, LoadedPlugin> _loaded = new(StringComparer.Ordinal);
    private readonly HashSet<string> _warned = [];
    private readonly (PartAttribute Mark, IPart Part)[] _builtIn =
        [
            .. builtIn.Select(p => (
                p.GetType().GetCustomAttribute<PartAttribute>()
                ?? throw new ArgumentException($"{p.GetType()} has no part attribute", nameof(builtIn)),
                p)),
        ];

    /// <summary>The catalogue behind it.</summary>
    public PluginCatalogue Catalogue => catalogue;

    /// <summary>The part that <c>use:</c> names in an experiment; faults are reported where it was written.</summary>
    /// <exception cref="ConfigurationException">There is none, or its plugin cannot be used.</exception>
    public Part<T> Get<T>(ScalarNode use)
        where T : class, IPart
    {
        try
        {
            return Get<T>(use.Text);
        }
        catch (PluginException e)
        {
            throw new ConfigurationException(use.Position, e.Message, e);
        }
    }

    /// <summary>The part of an id.</summary>
    /// <exception cref="PluginException">There is none, there are several, or its plugin cannot be used.</exception>
    public Part<T> Get<T>(string id)
        where T : class, IPart
    {
        var kind = KindOfPart.With<T>().Name;
        var (owner, name) = PartName.Parse(id);
        var own = owner is null or Host ? _builtIn.Where(b => b.Mark.Id == name && b.Part is T).ToArray() : [];
        var plugins = catalogue.Plugins
            .Where(p => (owner is null || p.Id == owner) && p.Parts.Any(part => part.Kind == kind && part.Id == name))
            .ToLookup(p => p.Status == PluginStatus.Active);
        var (house, others) =
            (plugins[true].Where(OwnPlugins.Include).ToArray(), plugins[true].Where(p => !OwnPlugins.Include(p)).ToArray());
        if (own.Length + house.Length == 1)
            WarnOfNamesakes(kind, name, house.Select(p => p.Id).FirstOrDefault(Host), others);

        return (own, house, others) switch
        {
            ([var one], [], _) => new Part<T>((T)one.Part, kind, name, Host, Version, null),
            ([], [var plugin], _) => FromPlugin<T>(plugin, kind, name),
            ([], [], [var plugin]) => FromPlugin<T>(plugin, kind, name),
            ([], [], []) => throw Unknown(kind, id, plugins[false]),
            _ => throw Ambiguous(kind, name, own.Length > 0, plugins[true].ToArray()),
        };
    }

    /// <summary>A plugin that is dropped beside the program's must not change what experiments mean, nor go unnoticed.</summary>
    private void WarnOfNamesakes(string kind, string id, string owner, Plugin[] others)
    {
        if (others.Length > 0 && _warned.Add($"{kind} {id}"))
            warn?.Invoke(
                $"the {kind} `{id}` is the program's own, of `{owner}`, "
                + $"and also in {string.Join(" and in ", others.Select(p => $"`{p.Id}` ({p.Path})"))}; "
                + $"the program's own is taken, `use: {others[0].Id}/{id}` takes the other");
    }

    /// <summary>The ids of a kind that can be asked for, in order.</summary>
    public IReadOnlyList<string> Ids(string kind) =>
        [.. _builtIn.Where(b => KindOfPart.Marked(b.Mark).Name == kind).Select(b => b.Mark.Id)
            .Concat(catalogue.Plugins.Where(p => p.Status == PluginStatus.Active)
                .SelectMany(p => p.Parts).Where(p => p.Kind == kind).Select(p => p.Id))
            .Distinct().Order(StringComparer.Ordinal)];

    private static string Version { get; } = typeof(PartRegistry).Assembly.GetName().Version!.ToString(3);

    private Part<T> FromPlugin<T>(Plugin plugin, string kind, string id)
        where T : class, IPart
    {
        if (!_loaded.TryGetValue(plugin.Path, out var loaded))
        {
            if (plugin.Locked?.WhyBlocked(plugin.Path) is { } reason)
                throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) is blocked: {reason}");
            LooseNatives.RefuseMixed(plugin, catalogue.Plugins.Where(other => _loaded.ContainsKey(other.Path)));
            _loaded[plugin.Path] = loaded = LoadedPlugin.Load(plugin);
        }

        var part = loaded.Create<T>(plugin, id)
            ?? throw new PluginException($"the plugin `{plugin.Id}` ({plugin.Path}) names the {kind} `{id}` but does not export it");
        return new Part<T>(part, kind, id, plugin.Id, plugin.Version, plugin.Path);
    }

    private PluginException Unknown(string kind, string id, IEnumerable<Plugin> unusable)
    {
        if (unusable.FirstOrDefault() is { } plugin)
            return new PluginException(
                $"the {kind} `{id}` is in the plugin `{plugin.Id}` ({plugin.Path}), which cannot be used: {plugin.Reason}");

        if (PartName.Parse(id) is { Plugin: { } owner } name)
            return UnknownOf(owner, kind, name.Id);
        var ids = Ids(kind);
        var known = ids.Count == 0 ? $"no {kind} is installed" : $"known: {string.Join(", ", ids)}";
        var broken = catalogue.Plugins.Where(p => p.Status != PluginStatus.Active).Select(p => $"`{p.Id}`").ToArray();
        var hint = broken.Length == 0 ? "" : $"; {string.Join(", ", broken)} did not load, see `plugins doctor`";
        return new PluginException($"there is no {kind} `{id}`{Spelling.Suggestion(id, ids)} ({known}{hint})");
    }

    /// <summary>A part that is named with its plugin's id: either of the two may be another word.</summary>
    private PluginException UnknownOf(string owner, string kind, string id)
    {
        string[] owners = [Host, .. catalogue.Plugins.Select(p => p.Id).Distinct()];
        if (!owners.Contains(owner))
            return new PluginException(
                $"there is no plugin `{owner}` for the {kind} `{owner}/{id}`{Spelling.Suggestion(owner, owners)} (plugins: "
                + $"{string.Join(", ", owners)})");
        if (catalogue.Plugins.Where(p => p.Id == owner).ToArray() is [{ Status: not PluginStatus.Active } plugin, ..] all
            && all.All(p => p.Status != PluginStatus.Active))
            return new PluginException(
                $"the {kind} `{id}` is asked of the plugin `{owner}` ({plugin.Path}), which cannot be used: {plugin.Reason}");
        string[] own = owner == Host
            ? [.. _builtIn.Where(b => KindOfPart.Marked(b.Mark).Name == kind).Select(b => b.Mark.Id)]
            : [.. catalogue.Plugins.Where(p => p.Id == owner).SelectMany(p => p.Parts).Where(p => p.Kind == kind).Select(p => p.Id)];
        var has = own.Length == 0 ? $"it has no {kind}" : $"it has {string.Join(", ", own)}";
        return new PluginException($"the plugin `{owner}` has no {kind} `{id}`{Spelling.Suggestion(id, own)} ({has})");
    }

    private static PluginException Ambiguous(string kind, string id, bool own, Plugin[] plugins)
    {
        var places = plugins.Select(p => $"`{p.Id}` ({p.Path})").Concat(own ? [$"`{Host}` itself"] : []);
        return new PluginException(
            $"the {kind} `{id}` is in {string.Join(" and in ", places)}; choose one, as in `use: {plugins[0].Id}/{id}`");
    }
}
