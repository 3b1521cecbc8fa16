using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>The report of many runs, by the program, from runs that it made.</summary>
public sealed partial class ReportTests : IDisposable
{
    // a report reads files alone: it needs neither libtorch nor plugins
    private static readonly Dictionary<string, string> NoTorch = new() { ["VOXELZOO_LIBTORCH"] = "/no/such/lib" };

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private VoxelZooProgram.Outcome Report(params string[] arguments) => VoxelZooProgram.RunWith(NoTorch, ["report", .. arguments]);

    [Fact]
    public void Report_of_two_runs_tells_of_both()
    {
        Assert.Equal(0, _work.Here("run", "exp11", "--profile", "smoke", "--run", _work.At("runs/a")).ExitCode);
        Assert.Equal(0, _work.Here("train", "dcae_f32", "--profile", "smoke", "--run", _work.At("runs/b")).ExitCode);
        Directory.CreateDirectory(_work.At("runs/half"));
        _work.Write("runs/half/status.json", "{");

        var outcome = Report(_work.At("runs"), "--out", _work.At("all.md"), "--json");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var report = File.ReadAllText(_work.At("all.md"));
        Assert.Contains(
            "| exp11 | space-to-depth | 32×32×32 | 16×16×16, 8 channels | unet3d s2d, 5 levels [4, 8, 16, 16, "
            + "16] | 498k | rflow velocity | bravo from seg | 1 |",
            report,
            StringComparison.Ordinal);
        Assert.Contains("| dcae_f32 | compressor |", report, StringComparison.Ordinal);
        Assert.Contains("| a | best = latest | test |", report, StringComparison.Ordinal);
        Assert.Contains("- **half**: ", report, StringComparison.Ordinal);
        var links = Links().Matches(report).Select(match => Uri.UnescapeDataString(match.Groups[1].Value)).ToArray();
        Assert.Equal(["all_files/exp11-loss.svg", "all_files/exp11-sample.png", "all_files/dcae_f32-loss.svg"], links);
        Assert.All(links, link => Assert.True(File.Exists(_work.At(link)), link));
        var json = JsonNode.Parse(outcome.Out)!;
        Assert.Equal(
            ["exp11 completed", "dcae_f32 completed"],
            json["runs"]!.AsArray().Select(run => $"{run!["experiment"]!["id"]} {run["state"]}"));
        Assert.Equal(498_040, (int)json["runs"]![0]!["experiment"]!["parameters"]!);
        Assert.Equal("half", (string?)Assert.Single(json["problems"]!.AsArray())!["run"]);
    }

    [Fact]
    public void Folder_of_the_report_has_to_exist() =>
        Refused(
            Report(_work.At("."), "--out", _work.At("none/all.md")),
            $"--out {_work.At("none/all.md")}: there is no folder {_work.At("none")}; make it first");

    [Fact]
    public void Folders_without_runs_are_refused()
    {
        Refused(
            Report(_work.At("."), "--out", _work.At("all.md")),
            $"{_work.At(".")}: there are no runs; a run is a folder with an experiment.yaml, which train makes");
        Assert.False(File.Exists(_work.At("all.md")));
    }

    [Fact]
    public void Report_of_several_folders_needs_a_file() =>
        Refused(Report("a", "b"), "a report of 2 folders needs a file: name it with --out FILE.md");

    private static void Refused(VoxelZooProgram.Outcome outcome, string sentence) =>
        Assert.Equal((2, "", sentence + "\n"), (outcome.ExitCode, outcome.Out, outcome.Error));

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Links();
}
