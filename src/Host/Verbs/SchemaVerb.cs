using System.CommandLine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>schema</c>: the JSON Schema of experiment files, by which editors complete and check them.</summary>
internal sealed class SchemaVerb : Verb
{
    public SchemaVerb()
        : base("schema", "Prints the JSON Schema of experiment files, with the options of every plugin that is there")
    {
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        Output.Write(ExperimentSchema.Of(ProgramHost.Catalogue(parse)));
        return ExitCode.Done;
    }
}
