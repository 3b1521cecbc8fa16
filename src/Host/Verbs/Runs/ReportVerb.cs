using System.CommandLine;
using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>
/// <c>report RUN</c> writes a run's report again from what lies in its folder; <c>report RUNS --out FILE.md</c> one of many runs.
/// </summary>
internal sealed class ReportVerb : Verb
{
    private readonly Argument<string[]> _runs;
    private readonly Option<string?> _out;

    public ReportVerb()
        : base("report", "Writes a run's report.md; with --out a report of many runs")
    {
        _runs = With(new Argument<string[]>("RUNS")
        {
            Description = "A run's folder; with --out or --json runs and folders of runs",
            Arity = ArgumentArity.OneOrMore,
        });
        _out = With(new Option<string?>("--out")
        {
            Description = "The file for the report of all RUNS; its pictures lie in FILE_files beside it",
            HelpName = "FILE.md",
        });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (runs, file, json) = (parse.GetRequiredValue(_runs), parse.GetValue(_out), parse.GetValue(CommonOptions.Json));
        if (file is null && !json)
            return One(parse, runs);
        if (file is not null)
            RefusePlace(file);
        var facts = ReportFacts.Read(runs, new ReportSources());
        if (file is not null)
            Write(facts, file);
        if (json)
            Output.Write(JsonSerializer.SerializeToNode(facts, AtomicFile.Json)!);
        else
            Output.Line(file!);
        return ExitCode.Done;
    }

    private static ExitCode One(ParseResult parse, string[] runs)
    {
        if (runs.Length > 1)
            throw new UsageException($"a report of {runs.Length} folders needs a file: name it with --out FILE.md");
        using var session = new Session(parse);
        var run = AnimalRuns.Open(session, runs[0]);
        ExperimentLoader.Load(session, run).Report(run);
        Output.Line(Places.Shown(run.Report));
        return ExitCode.Done;
    }

    private static void RefusePlace(string file)
    {
        OutFile.Require(file);
        if (Directory.Exists(file) || Path.GetFileName(file).Length == 0)
            throw new UsageException($"--out {file}: this is a folder; name a file in it, such as {Path.Combine(file, "report.md")}");
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        if (!Directory.Exists(folder))
            throw new UsageException($"--out {file}: there is no folder {Places.Shown(folder)}; make it first");
    }

    private static void Write(ReportFacts facts, string file)
    {
        try
        {
            ExperimentReport.Write(facts, file);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not UnwrittenException { IsRefusal: false })
        {
            throw new UsageException($"--out {file}: {e.Message}");
        }
    }
}
