using System.CommandLine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>describe EXP</c>: parts, shapes, exact parameter counts, memory; builds no weights.</summary>
internal sealed class DescribeVerb : ExperimentVerb
{
    public DescribeVerb()
        : base("describe", "Shows an experiment's parts, shapes, exact parameter counts and memory")
    {
        With(CommonOptions.Json);
        WithValues("training.epochs=10");
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var experiment = Load(parse, session);
        ExperimentLoader.LookForCohort(experiment);
        Output.Write(parse, () => experiment.Json, () => DescriptionTable.Of(experiment));
        return ExitCode.Done;
    }
}
