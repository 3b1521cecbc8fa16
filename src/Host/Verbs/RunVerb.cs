using System.CommandLine;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Sampling;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>run EXP</c>: trains, samples, evaluates and reports in one go.</summary>
internal sealed class RunVerb : Verb
{
    private readonly Argument<string> _experiment;
    private readonly Option<string?> _run;

    public RunVerb()
        : base("run", "Trains, samples, evaluates and reports in one go")
    {
        _experiment = With(RunArguments.Experiment());
        _run = With(RunArguments.Folder());
        With(CommonOptions.Set);
        With(CommonOptions.Profile);
    }

    public override bool StopsInOrder => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse, Collective);
        var experiment = Experiment.Load(parse, session, parse.GetRequiredValue(_experiment));
        var (run, status) = TrainingStep.Start(session, experiment, parse.GetValue(_run), cancellation);
        if (status.Status == RunState.TimeLimit)
        {
            RunArguments.Tell(run, status);
            return ExitCode.Stopped;
        }

        try
        {
            return Finish(session, experiment, run, status, cancellation);
        }
        catch (OperationCanceledException)
        {
            var place = Path.GetRelativePath(Environment.CurrentDirectory, run.Path);
            Console.WriteLine($"{place}: stopped with the model trained; `sample {place}`, `evaluate {place}` and `report {place}` do the rest");
            return ExitCode.Stopped;
        }
    }

    private static ExitCode Finish(Session session, Experiment experiment, RunFolder run, RunStatus status, CancellationToken cancellation)
    {
        experiment.Sample(session, run, null, SampleNumbers.Continue, cancellation);
        Output.Write(experiment.Evaluate(session, run, cancellation).Table);
        session.Collective.ByFirst(() => experiment.Report(run));
        Console.WriteLine($"report: {Path.GetRelativePath(Environment.CurrentDirectory, run.Report)}");
        return TrainingStep.ExitCodeOf(experiment.Plan, status);
    }
}
