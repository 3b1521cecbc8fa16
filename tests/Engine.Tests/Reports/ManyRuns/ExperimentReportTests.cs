using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Reports.ManyRuns;

/// <summary>The Markdown of the report of many runs.</summary>
public sealed partial class ExperimentReportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string File => Path.Combine(_folder.Path, "results of today.md");

    private string Files => Path.Combine(_folder.Path, "results of today_files");

    private MadeUpRun Run(string name, double loss = 0.5, Action<JsonNode>? change = null) =>
        MadeUpRun.Create(Path.Combine(_folder.Path, "runs", name), loss, change);

    private string Report()
    {
        ExperimentReport.Write(ReportFacts.Read([_folder.Path], new MadeUpRun.Sources()), File);
        return System.IO.File.ReadAllText(File);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Links_lead_to_files_that_are_there()
    {
        Run("a").Sample();
        Run("b", change: e => e["id"] = "ex/p 2").Sample();

        var links = Links().Matches(Report()).Select(match => Uri.UnescapeDataString(match.Groups[1].Value)).ToArray();

        Assert.Equal(4, links.Length);
        Assert.All(links, link => Assert.True(System.IO.File.Exists(Path.Combine(_folder.Path, link)), link));
    }

    [Fact]
    public void Pictures_of_an_earlier_report_go_and_other_files_stay()
    {
        Run("a").Sample();
        Report();
        System.IO.File.WriteAllText(Path.Combine(Files, "notes.txt"), "mine");
        System.IO.File.WriteAllText(Path.Combine(Files, "gone-loss.svg"), "");

        Report();

        Assert.Equal(["exp1-loss.svg", "exp1-sample.png", "notes.txt"], Directory.GetFiles(Files).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Report_that_cannot_be_written_leaves_no_pictures_that_were_not_there()
    {
        Run("a").Sample();
        Directory.CreateDirectory(Path.Combine(File, "in the way"));
        Assert.ThrowsAny<Exception>(() => Report());
        Assert.False(Directory.Exists(Files));

        Directory.Delete(File, recursive: true);
        Report();
        Run("b", change: e => e["id"] = "exp2").Sample();
        System.IO.File.Delete(File);
        Directory.CreateDirectory(Path.Combine(File, "in the way"));
        Assert.ThrowsAny<Exception>(() => Report());
        Assert.Equal(["exp1-loss.svg", "exp1-sample.png"], Directory.GetFiles(Files).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Run_is_a_row_with_what_it_took()
    {
        Run("a", 0.00246);

        Assert.Contains("| a | 10/10 | 0.00246 (8) | 0.1 | 89 s | 12.7 h | 2.00 | 0 | 0 | completed |", Report(), StringComparison.Ordinal);
    }

    [Fact]
    public void Index_has_the_facts_of_the_experiment()
    {
        Run("a");

        Assert.Contains(
            "| exp1 | pixel | 128×64×32 | unet3d, 2 levels [4, 8] | 270M | rflow velocity | bravo from seg | 1 |",
            Report(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Quick_reference_has_the_best_run_of_each_category()
    {
        Run("a", 0.3);
        Run("b", 0.2);
        Run("c", 0.9, e => e["target"] = "flair").Write("description.json", "{}");

        var rows = Report().Split("## Experiment index")[0].Split('\n')
            .Where(line => line.StartsWith("| **", StringComparison.Ordinal)).ToArray();

        Assert.Equal(2, rows.Length);
        Assert.StartsWith("| **bravo, pixel** 128×64×32 | b | 270M | 0.2 (8) |", rows[0], StringComparison.Ordinal);
        Assert.StartsWith("| **flair, pixel** 128×64×32 | c |", rows[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Text_of_errors_does_not_break_tables_and_lists()
    {
        Run("a").Change(status => status with { Status = RunState.Failed, LastError = "a | b\nc" });

        var report = Report();

        Assert.Contains(@"**failed: a \| b c** |", report, StringComparison.Ordinal);
        Assert.Contains("- **a**: failed after epoch 10 of 10: a | b c\n", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_in_no_ranking_are_named()
    {
        Run("a");
        Run("b");
        Run("c", change: e => e["target"] = "flair").Write("description.json", "{}");

        Assert.Contains("In no ranking, as nothing here can be compared with them: c.", Report(), StringComparison.Ordinal);
    }

    [Fact]
    public void Sweep_of_solvers_is_a_table_with_the_best_of_each_metric()
    {
        Run("a").Write("sweeps/solvers.json", """
            {"format": 1, "experiment": "exp1", "checkpoint": "step-00000080",
             "count": 25, "seed": 1, "against": "test", "configurations": [
              {"name": "euler_10", "sampler": "euler", "steps": 10, "nfe": 10, "seconds_per_volume": 7.3,
               "metrics": {"fid": {"value": 34.2, "interval": {"low": 30, "high": 38}, "extractor": "x"}}},
              {"name": "dopri5_1e-3", "sampler": "dopri5", "tolerance": 1e-3, "nfe": 61.5, "seconds_per_volume": 40,
               "metrics": {"fid": {"value": 27.5, "interval": null, "extractor": "x"}}}]}
            """).Write("sweeps/steps.json", """
            {"format": 1, "experiment": "exp1", "checkpoint": "step-00000080", "sampler": "euler", "metric": "fid", "lo": 5, "hi": 50,
             "evaluated": [{"steps": 24, "value": 28.0}, {"steps": 36, "value": 29.5}], "best": 24}
            """);

        var report = Report();

        Assert.Contains("| euler_10 | euler | 10 | - | 10 | 7.3 | 34.2 | 30 to 38 |", report, StringComparison.Ordinal);
        Assert.Contains("| dopri5_1e-3 | dopri5 | - | 0.001 | 61.5 | 40 | **27.5** | - |", report, StringComparison.Ordinal);
        Assert.Contains("| **24** | 28 |", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Number_of_distinct_sets_of_volumes_is_given()
    {
        Run("a");
        Run("b");

        Assert.Contains("- test: 1 distinct set of volumes: 3 patients `all` (2 runs)", Report(), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Links();
}
