using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins list</c>: the catalogue, without loading a plugin or libtorch.</summary>
internal sealed class PluginsListVerb : Verb
{
    /// <summary>The verbs that are about plugins.</summary>
    public const string Group = "plugins";

    public PluginsListVerb()
        : base("list", "Lists the plugins with their parts and whether they can be used") => With(CommonOptions.Json);

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var plugins = ProgramHost.Catalogue(parse).Plugins;
        Output.Write(parse, () => new JsonArray([.. plugins.Select(Json)]), () => Table(plugins));
        return ExitCode.Done;
    }

    /// <summary>One plugin as <c>list --json</c> writes it.</summary>
    public static JsonObject Json(Plugin plugin) => new()
    {
        ["id"] = plugin.Id,
        ["version"] = plugin.Version,
        ["contract"] = plugin.Contract,
        ["status"] = Status(plugin),
        ["reason"] = plugin.Reason,
        ["parts"] = new JsonArray(
            [.. plugin.Parts.Select(p => new JsonObject { ["kind"] = p.Kind, ["id"] = p.Id, ["summary"] = p.Summary })]),
        ["path"] = plugin.Path,
        ["lock"] = Lock(plugin),
    };

    /// <summary>The status as one word.</summary>
    public static string Status(Plugin plugin) => plugin.Status switch
    {
        PluginStatus.Active => "active",
        PluginStatus.Incompatible => "incompatible",
        PluginStatus.Broken => "broken",
        PluginStatus.Blocked => "blocked",
        PluginStatus.Disabled => "disabled",
        _ => "duplicate",
    };

    /// <summary>
    /// Whether it is known that the plugin is what was installed: <c>locked</c>, or <c>unlocked</c> where its folder was dropped;
    /// null for the program's own.
    /// </summary>
    public static string? Lock(Plugin plugin) => plugin.Locked is not null ? "locked" : OwnPlugins.Include(plugin) ? null : "unlocked";

    private static Table Table(IEnumerable<Plugin> plugins)
    {
        var table = Output.Table("id", "version", "status", "parts");
        foreach (var plugin in plugins)
        {
            var parts = plugin.Reason is { } reason
                ? $"{reason} ({plugin.Path})"
                : string.Join(", ", plugin.Parts.Select(p => $"{p.Kind} {p.Id}"));
            table.AddRow(
                new Text(plugin.Id),
                new Text(plugin.Version),
                new Text(Lock(plugin) is { } locked ? $"{Status(plugin)}, {locked}" : Status(plugin)),
                new Text(parts));
        }

        return table;
    }
}
