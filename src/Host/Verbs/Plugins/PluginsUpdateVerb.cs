using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Plugins.Installed;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins update [WHAT]</c>: replaces installed plugins by later versions, or by what a package or folder holds.</summary>
internal sealed class PluginsUpdateVerb : Verb
{
    private readonly Argument<string?> _what;
    private readonly Option<string?> _source;

    public PluginsUpdateVerb()
        : base("update", "Replaces installed plugins by later versions")
    {
        _what = With(new Argument<string?>("WHAT")
        {
            Description = "A package, a plugin's folder, or a plugin's id; without, all that were installed from a feed",
            Arity = ArgumentArity.ZeroOrOne,
        });
        _source = With(StoreArguments.Source());
        With(CommonOptions.Json);
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (what, store) = (parse.GetValue(_what), StoreArguments.Store(parse));
        using var feeds = new PluginFeeds(parse.GetValue(_source), cancellation);
        var done = what is not null && Path.Exists(what)
            ? [store.Put(what, null, ProgramHost.Catalogue(parse), replaces: true)]
            : Later(feeds, what, store).Select(later => store.Put(later.Path, later, ProgramHost.Catalogue(parse), replaces: true))
                .ToArray();
        Output.Write(
            parse,
            () => new JsonArray([.. done.Select(put => PluginsListVerb.Json(put.Plugin))]),
            () => done.Length == 0
                ? Output.Text("nothing is newer than what is installed\n")
                : new Rows(done.Select(PluginsInstallVerb.Told)));
        return ExitCode.Done;
    }

    private static FeedPackage[] Later(PluginFeeds feeds, string? id, PluginStore store)
    {
        var installed = store.Installed;
        if (id is not null && !installed.ContainsKey(id))
            throw new UsageException(
                $"the plugin `{id}` is not installed in {store.Folder}{Spelling.Suggestion(id, installed.Keys)}, "
                + "and there is no such file or folder");
        if (id is not null && feeds.Named is null && installed[id].Feed is null)
            throw new UsageException(
                $"the plugin `{id}` was installed from {installed[id].Source}; name a feed with --source, or a package");
        return [.. NewerVersion.Of(installed.Where(plugin => id is null || plugin.Key == id), feeds).Select(newer => newer.Package)];
    }
}
