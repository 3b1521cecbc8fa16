using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Reports.OneRun;

[Collection(Alone.Name)]
public sealed class RunReportTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private ExperimentPlan Plan => TinyRun.Plan(cohort, FormulaArchitecture.Oracle(0.2));

    private string Report()
    {
        using var random = new RandomStreams(1);
        RunReport.Write(_run.Folder, PlanDescription.Of(Plan, TinyRun.Context(Plan, random)));
        return File.ReadAllText(_run.Folder.Report);
    }

    private string ReportOfAWholeRun()
    {
        _run.Train(Plan);
        _run.Use(Plan, (trained, volumes) => new SampleWriter(Plan, trained, volumes).Write(_run.Folder.Samples));
        var result = _run.Use(Plan, (trained, volumes) => new Evaluator(Plan, trained, volumes, "test").Run());
        new EvaluationFile<EvaluationResult>
        {
            Experiment = "tiny",
            Results = [result with { Checkpoints = ["best"] }, result with { Checkpoints = ["latest"] }],
        }.Write(_run.Folder);
        return Report();
    }

    [Fact]
    public void Report_links_only_to_files_that_are_there()
    {
        var links = Regex.Matches(ReportOfAWholeRun(), @"\]\(([^)]+)\)").Select(m => m.Groups[1].Value).ToArray();
        Assert.Equal(1 + 4, links.Length); // the curve and four samples
        Assert.All(links, link => Assert.True(File.Exists(Path.Combine(_run.Folder.Path, link)), link));
    }

    [Fact]
    public void Report_has_every_section_of_a_whole_run()
    {
        var report = ReportOfAWholeRun();
        Assert.Contains("# tiny: a tiny experiment", report, StringComparison.Ordinal);
        Assert.Contains("completed, epoch 2 of 2, 8 steps", report, StringComparison.Ordinal);
        Assert.Contains("## Evaluation of best on test: 2 volumes", report, StringComparison.Ordinal);
        Assert.Contains("## Evaluation of latest on test: 2 volumes", report, StringComparison.Ordinal);
        Assert.Contains("| SquaredError |", report, StringComparison.Ordinal);
        Assert.Contains("3 network evaluations", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_of_a_run_that_has_nothing_yet_is_a_header()
    {
        var report = Report();
        Assert.Contains("FormulaArchitecture, 1 parameters", report, StringComparison.Ordinal);
        Assert.DoesNotContain("## ", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_says_what_went_wrong_and_how_long_it_took()
    {
        _run.Folder.WriteStatus(new RunStatus { Status = RunState.TimeLimit, LastError = "a | b\nc", TrainingSeconds = 30 * 3600 + 61 });
        var report = Report();
        Assert.Contains("| time_limit, ", report, StringComparison.Ordinal);
        Assert.Contains("| 30:01:01 |", report, StringComparison.Ordinal);
        Assert.Contains(@"| a \| b c |", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_of_a_damaged_evaluation_is_refused_by_file()
    {
        File.WriteAllText(_run.Folder.Evaluation, "{");
        Assert.Contains(_run.Folder.Evaluation, Assert.Throws<RunFolderException>(Report).Message, StringComparison.Ordinal);
    }
}
