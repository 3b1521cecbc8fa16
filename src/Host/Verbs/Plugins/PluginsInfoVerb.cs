using System.CommandLine;
using System.Text.Json.Nodes;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins info ID</c>: everything that a manifest says.</summary>
internal sealed class PluginsInfoVerb : Verb
{
    private readonly Argument<string> _id;

    public PluginsInfoVerb()
        : base("info", "Shows one plugin")
    {
        _id = With(new Argument<string>("ID") { Description = "The plugin's id" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (id, all) = (parse.GetRequiredValue(_id), ProgramHost.Catalogue(parse).Plugins);
        var plugins = all.Where(p => p.Id == id).ToArray();
        if (plugins.Length == 0)
            throw new UsageException($"there is no plugin `{id}`{Spelling.Suggestion(id, all.Select(p => p.Id))} (plugins: {string.Join(", ", all.Select(p => p.Id).Distinct())})");

        // several folders with the same id are as many plugins: show the one that can be used, or the first, whose reason names another
        var plugin = plugins.MinBy(p => p.Status)!;
        Output.Write(parse, () => Json(plugin), () => Output.Facts(Facts(plugin)));
        return ExitCode.Done;
    }

    private static JsonObject Json(Plugin plugin)
    {
        var json = PluginsListVerb.Json(plugin);
        json["summary"] = plugin.Summary;
        json["license"] = plugin.License;
        json["authors"] = plugin.Authors;
        return json;
    }

    private static IEnumerable<(string, string)> Facts(Plugin plugin) =>
    [
        ("id", plugin.Id),
        ("version", plugin.Version),
        ("contract", plugin.Contract),
        ("status", PluginsListVerb.Status(plugin)),
        .. plugin.Reason is { } reason ? [("reason", reason)] : Array.Empty<(string, string)>(),
        ("summary", plugin.Summary),
        ("license", plugin.License),
        ("authors", plugin.Authors),
        ("path", plugin.Path),
        .. plugin.Locked is { } locked ? [("installed from", locked.Source)] : Array.Empty<(string, string)>(),
        .. plugin.Parts.Select(p => (p.Kind, p.Summary.Length == 0 ? p.Id : $"{p.Id}: {p.Summary}")),
    ];
}
