using System.CommandLine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>describe EXP</c>: parts, shapes, exact parameter counts, memory; builds no weights.</summary>
internal sealed class DescribeVerb : Verb
{
    private readonly Argument<string> _experiment;

    public DescribeVerb()
        : base("describe", "Shows an experiment's parts, shapes, exact parameter counts and memory")
    {
        _experiment = With(RunArguments.Experiment());
        With(CommonOptions.Json);
        With(CommonOptions.Set("training.epochs=10"));
        With(CommonOptions.Profile);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var experiment = ExperimentLoader.Load(parse, session, parse.GetRequiredValue(_experiment));
        ExperimentLoader.LookForCohort(experiment);
        Output.Write(parse, () => experiment.Json, () => DescriptionTable.Of(experiment));
        return ExitCode.Done;
    }
}
