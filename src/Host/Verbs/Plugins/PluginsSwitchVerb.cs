using System.CommandLine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Plugins.Installed;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary>
/// <c>plugins enable ID</c> and <c>plugins disable ID</c>: whether a plugin is used, installed or dropped. Its files stay.
/// </summary>
internal sealed class PluginsSwitchVerb : Verb
{
    private readonly Argument<string> _id;
    private readonly bool _on;

    public PluginsSwitchVerb(bool on)
        : base(on ? "enable" : "disable", on ? "Uses a plugin again that was disabled" : "Leaves a plugin out until it is enabled again")
    {
        _on = on;
        _id = With(new Argument<string>("ID") { Description = "The plugin's id" });
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (id, catalogue) = (parse.GetRequiredValue(_id), ProgramHost.Catalogue(parse));
        var plugin = catalogue.Plugins.FirstOrDefault(each => each.Id == id && !OwnPlugins.Include(each));
        if (plugin is null && OwnPlugins.HasId(id))
            throw new UsageException(
                $"the plugin `{id}` comes with the program and is used where an experiment names its parts only; "
                + "it cannot be switched off");
        if (plugin is null)
            throw new UsageException(
                "there is no plugin "
                + $"`{id}`{Spelling.Suggestion(id, catalogue.Plugins.Where(each => !OwnPlugins.Include(each)).Select(each => each.Id))}");

        // of an installed plugin, the folder of plugins is above the hidden one
        var folder = catalogue.Folders.Where(each => plugin.Path.StartsWith(each + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            .MaxBy(each => each.Length)
            ?? throw new UsageException($"{plugin.Path} is named by itself; leave it out, or name the folder of plugins that it is in");
        var changed = PluginStore.Open(folder).Switch(id, _on);
        Output.Write(Output.Facts(((_on ? "enabled" : "disabled") + (changed ? "" : " already"), id)));
        return ExitCode.Done;
    }
}
