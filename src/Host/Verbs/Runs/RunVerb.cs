using System.CommandLine;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>run EXP</c>: trains, samples, evaluates and reports in one go.</summary>
internal sealed class RunVerb : ExperimentVerb
{
    private readonly Option<string?> _run;
    private readonly Option<bool> _dry;
    private readonly StartOptions _start = new();

    public RunVerb()
        : base("run", "Trains, samples, evaluates and reports in one go")
    {
        _run = With(RunArguments.Folder());
        With(CommonOptions.AllowChangedPlugin);
        foreach (var option in _start.All)
            Options.Add(option);
        _dry = With(RunArguments.DryRun());
        WithValues("training.epochs=10");
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse, Collective);
        var experiment = Load(parse, session, _start.Sets(parse));
        if (parse.GetValue(_dry))
        {
            RunArguments.Tell(experiment.Rehearse(parse.GetValue(_run)));
            Output.Line("then: sample, evaluate and report");
            return ExitCode.Done;
        }

        var (run, status) = experiment.Train(parse.GetValue(_run), cancellation);
        if (status.Status == RunState.TimeLimit)
        {
            RunArguments.Tell(run, status);
            return ExitCode.Stopped;
        }

        try
        {
            return Finish(experiment, run, status, cancellation);
        }
        catch (OperationCanceledException)
        {
            var place = Places.Shown(run.Path);
            Output.Line($"{place}: stopped with the model trained; `sample {place}`, `evaluate {place}` and `report {place}` do the rest");
            return ExitCode.Stopped;
        }
    }

    private static ExitCode Finish(Experiment experiment, RunFolder run, RunStatus status, CancellationToken cancellation)
    {
        RunArguments.Tell(experiment.Sample(run, cancellation: cancellation));
        var evaluation = experiment.Evaluate(run, cancellation);
        Output.Write(EvaluationTable.Of(evaluation));
        experiment.Context.Collective.ByFirst(() => experiment.Report(run));
        Output.Line($"report: {Places.Shown(run.Report)}");
        if (experiment.Plan.Expect.MissedBy(Measured(evaluation)) is { } missed)
        {
            Console.Error.WriteLine(missed);
            return ExitCode.Failed;
        }

        return RunArguments.ExitCodeOf(experiment.Plan, status);
    }

    /// <summary>What metrics say of generated volumes.</summary>
    private static IEnumerable<(string Metric, string Against, double? Value, MetricOrder Order)> Measured(EvaluationFile evaluation) =>
        from set in (evaluation as EvaluationFile<EvaluationResult>)?.Generated ?? []
        from quality in set.Metrics
        select (quality.Metric, quality.Against, quality.Value, quality.Order ?? new MetricOrder(HigherIsBetter: true));
}
