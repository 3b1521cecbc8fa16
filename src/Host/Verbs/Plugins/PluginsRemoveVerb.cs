using System.CommandLine;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Verbs.Plugins;

/// <summary><c>plugins remove ID</c>: takes an installed plugin out.</summary>
internal sealed class PluginsRemoveVerb : Verb
{
    private readonly Argument<string> _id;

    public PluginsRemoveVerb()
        : base("remove", "Removes an installed plugin") => _id = With(new Argument<string>("ID") { Description = "The plugin's id" });

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        StoreArguments.Store(parse).Remove(parse.GetRequiredValue(_id));
        Output.Write(Output.Facts(("removed", parse.GetRequiredValue(_id))));
        return ExitCode.Done;
    }
}
