using System.CommandLine;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>report RUN</c>: writes a run's report again from what lies in its folder.</summary>
internal sealed class ReportVerb : Verb
{
    private readonly Argument<string> _run;

    public ReportVerb()
        : base("report", "Writes a run's report.md") => _run = With(RunArguments.Run());

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        Experiment.Load(session, run).Report(run);
        Console.WriteLine(run.Report);
        return ExitCode.Done;
    }
}
