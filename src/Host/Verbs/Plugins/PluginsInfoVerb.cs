using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;
using VoxelZoo.PluginManifest;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary>
/// <c>plugins info ID[/PART]</c>: everything that a manifest says of a plugin, or of one part and its options. No plugin is loaded.
/// </summary>
internal sealed class PluginsInfoVerb : Verb
{
    private readonly Argument<string> _id;

    public PluginsInfoVerb()
        : base("info", "Shows one plugin, or one part of it with its options")
    {
        _id = With(new Argument<string>("ID[/PART]") { Description = "The plugin's id, and that of a part" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (name, all) = (PartName.Parse(parse.GetRequiredValue(_id)), ProgramHost.Catalogue(parse).Plugins);
        var (id, part) = name.Plugin is null ? (name.Id, null) : (name.Plugin, name.Id);
        var plugins = all.Where(p => p.Id == id).ToArray();
        if (plugins.Length == 0)
            throw new UsageException(
                $"there is no plugin `{id}`{Spelling.Suggestion(id, all.Select(p => p.Id))} (plugins: "
                + $"{string.Join(", ", all.Select(p => p.Id).Distinct())})");

        // several folders with the same id are as many plugins: show the one that can be used, or the first, whose reason names another
        var plugin = plugins.MinBy(p => p.Status)!;
        if (part is null)
        {
            Output.Write(parse, () => Json(plugin), () => Output.Facts(Facts(plugin)));
            return ExitCode.Done;
        }

        PartMetadata[] parts = [.. plugin.Parts.Where(p => p.Id == part)];
        if (parts.Length == 0)
            throw new UsageException(
                $"the plugin `{id}` has no part `{part}`{Spelling.Suggestion(part, plugin.Parts.Select(p => p.Id))} (parts: "
                + $"{string.Join(", ", plugin.Parts.Select(p => p.Id))})");
        Output.Write(
            parse,
            () => parts.Length == 1 ? Json(parts[0]) : new JsonArray([.. parts.Select(Json)]),
            () => new Rows(parts.SelectMany(p => Shown(plugin, p))));
        return ExitCode.Done;
    }

    private static JsonObject Json(Plugin plugin)
    {
        var json = PluginsListVerb.Json(plugin);
        json["parts"] = new JsonArray([.. plugin.Parts.Select(Json)]);
        json["experiments"] = new JsonArray([.. PluginExperiments.Of(plugin).Select(name => JsonValue.Create(name))]);
        json["summary"] = plugin.Summary;
        json["license"] = plugin.License;
        json["authors"] = plugin.Authors;
        json["homepage"] = plugin.Homepage;
        json["changelog"] = plugin.Changelog;
        return json;
    }

    private static JsonObject Json(PartMetadata part) => new()
    {
        ["kind"] = part.Kind,
        ["id"] = part.Id,
        ["summary"] = part.Summary,
        ["options"] = part.Options is null ? null : JsonNode.Parse(part.Options),
        ["conflicts"] = part.Conflicts is null ? new JsonArray() : JsonNode.Parse(part.Conflicts),
    };

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
        .. new[] { ("homepage", plugin.Homepage), ("changelog", plugin.Changelog) }.Where(fact => fact.Item2.Length > 0),
        ("path", plugin.Path),
        .. plugin.Locked is { } locked ? [("installed from", locked.Source)] : Array.Empty<(string, string)>(),
        .. PluginExperiments.Of(plugin) is { Count: > 0 } brought
            ? [("experiments", string.Join(", ", brought))]
            : Array.Empty<(string, string)>(),
        .. plugin.Parts.Select(p => (p.Kind, p.Summary.Length == 0 ? p.Id : $"{p.Id}: {p.Summary}")),
    ];

    private static IEnumerable<IRenderable> Shown(Plugin plugin, PartMetadata part)
    {
        yield return Output.Facts((part.Kind, part.Id), ("of", $"{plugin.Id} {plugin.Version}"), ("summary", part.Summary));
        if (part.Options is null)
        {
            yield return Output.Text(
                "its manifest says nothing of its options; "
                + $"build the plugin against contract {PluginCatalogue.Contract.ToNormalizedString()}\n");
            yield break;
        }

        var table = Output.Table("key", "type", "default", "limits", "about");
        foreach (var option in OptionFacts.Of(part.Options))
            table.AddRow(
                new Text(option.Key), new Text(option.Type), new Text(option.Default), new Text(option.Limits), new Text(option.About));
        yield return table;
        using var conflicts = JsonDocument.Parse(part.Conflicts ?? "[]");
        foreach (var conflict in conflicts.RootElement.EnumerateArray())
            yield return Output.Facts(($"not with {Text(conflict, "kind")} {Text(conflict, "id")}", Text(conflict, "reason")));
    }

    private static string Text(JsonElement json, string key) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(key, out var value) ? value.ToString() : "";
}
