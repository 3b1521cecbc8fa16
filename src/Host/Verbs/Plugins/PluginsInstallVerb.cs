using System.CommandLine;
using Spectre.Console;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins.Installed;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins install WHAT</c>: puts a plugin into the user's folder of plugins. None of its code runs.</summary>
internal sealed class PluginsInstallVerb : Verb
{
    private readonly Argument<string> _what;
    private readonly Option<string?> _source;

    public PluginsInstallVerb()
        : base("install", "Installs a plugin for this user, or into the folder that --plugins names")
    {
        _what = With(
            new Argument<string>("WHAT") { Description = "A package (.nupkg, .zip), a plugin's folder, or with --source a plugin's id" });
        _source = With(StoreArguments.Source());
        With(CommonOptions.Json);
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (what, feed) = (parse.GetRequiredValue(_what), parse.GetValue(_source));
        if (feed is null && !Path.Exists(what))
            throw new UsageException(
                $"{what}: there is no such file or folder; a plugin of a feed is installed by its id, with --source FEED");
        if (feed is null && RegularFile.WhyNot(what) is { } why)
            throw new UsageException($"{what}: {why.TrimEnd('.')}; it was not installed");
        using var opened = feed is null ? null : PluginFeed.Open(feed, cancellation);
        var package = opened?.Latest(what);
        var put = StoreArguments.Store(parse).Put(package?.Path ?? what, package, ProgramHost.Catalogue(parse), replaces: false);
        Output.Write(parse, () => PluginsListVerb.Json(put.Plugin), () => Told(put));
        return ExitCode.Done;
    }

    /// <summary>What was done, for people.</summary>
    public static Grid Told(PutPlugin put) => Output.Facts(
    [
        (put.Before is null ? "installed" : put.Before == put.Plugin.Version ? "installed anew" : "updated",
            put.Before is null || put.Before == put.Plugin.Version
                ? $"{put.Plugin.Id} {put.Plugin.Version}"
                : $"{put.Plugin.Id} from {put.Before} to {put.Plugin.Version}"),
        .. put.Plugin.Parts.Select(part => (part.Kind, part.Summary.Length == 0 ? part.Id : $"{part.Id}: {part.Summary}")),
        ("folder", Places.Shown(put.Plugin.Path)),
        ("not tried yet", $"voxelzoo plugins verify {Places.Shown(put.Plugin.Path)}"),
    ]);
}
