using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins.Installed;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins outdated</c>: the installed plugins of which a feed has a later version.</summary>
internal sealed class PluginsOutdatedVerb : Verb
{
    private readonly Option<string?> _source;

    public PluginsOutdatedVerb()
        : base("outdated", "Lists the installed plugins of which there are later versions")
    {
        _source = With(StoreArguments.Source());
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var feeds = new PluginFeeds(parse.GetValue(_source), cancellation);
        var newer = NewerVersion.Of(StoreArguments.Store(parse).Installed, feeds);
        Output.Write(
            parse,
            () => new JsonArray([.. newer.Select(one => new JsonObject
            {
                ["id"] = one.Id, ["installed"] = one.Installed, ["latest"] = one.Package.Version.ToNormalizedString(),
                ["package"] = one.Package.Source,
            })]),
            () => Table(newer));
        return ExitCode.Done;
    }

    private static IRenderable Table(IReadOnlyList<NewerVersion> newer)
    {
        if (newer.Count == 0)
            return Output.Text("nothing is newer than what is installed\n");
        var table = Output.Table("id", "installed", "latest", "package");
        foreach (var one in newer)
            table.AddRow(new Text(one.Id), new Text(one.Installed), new Text(one.Package.Version.ToNormalizedString()),
                new Text(one.Package.Source));
        return table;
    }
}
