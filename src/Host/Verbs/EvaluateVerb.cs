using System.CommandLine;
using System.Text.Json;
using VoxelZoo.Engine.Files;
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

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        var result = EvaluationStep.Run(session, Experiment.Load(session, run), run, cancellation);
        Output.Write(parse, () => JsonSerializer.SerializeToNode(result, AtomicFile.Json)!, () => EvaluationTable.Of(result));
        return ExitCode.Done;
    }
}
