using System.CommandLine;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>evaluate RUN</c>: measures a run's best checkpoint on volumes that it has not seen.</summary>
internal sealed class EvaluateVerb : Verb
{
    private readonly Argument<string> _run;

    public EvaluateVerb()
        : base("evaluate", "Measures a run on its test split, into evaluation.json")
    {
        _run = With(RunArguments.Run());
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse, Collective);
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        var outcome = Experiment.Load(session, run).Evaluate(session, run, cancellation);
        if (Collective.IsFirst())
            Output.Write(parse, () => outcome.Json, () => outcome.Table);
        return ExitCode.Done;
    }
}
