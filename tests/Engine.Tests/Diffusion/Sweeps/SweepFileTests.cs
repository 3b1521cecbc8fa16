using System.Text.Json.Nodes;
using System.Xml.Linq;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion.Sweeps;

public sealed class SweepFileTests : IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private static SweptConfiguration Swept(string sampler, int? steps, double? tolerance, double nfe, double? fid) => new()
    {
        Name = $"{sampler}_{steps}",
        Sampler = sampler,
        Steps = steps,
        Tolerance = tolerance,
        Nfe = nfe,
        SecondsPerVolume = 0.5,
        Metrics = new Dictionary<string, SweptMetric>
        {
            ["fid"] = new()
            {
                Value = fid,
                Interval = fid is null ? null : new MetricInterval(1, 2, 0.95),
                Extractor = "mean",
                Warnings = fid is null ? ["too few"] : [],
            },
        },
    };

    private static SolverSweepFile Solvers => new()
    {
        Experiment = "tiny",
        Checkpoint = "step-00000008",
        Count = 3,
        Seed = 42,
        Against = "train",
        Configurations =
        [
            Swept("euler", 5, null, 5, 9),
            Swept("euler", 10, null, 10, 4),
            Swept("heun2", 5, null, 9, null),
            Swept("dopri5", null, 1e-3, 44, 6),
        ],
    };

    [Fact]
    public void Solvers_are_written_as_agreed_and_read_again()
    {
        Directory.CreateDirectory(_run.Folder.Sweeps);
        Solvers.Write(_run.Folder);

        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_run.Folder.Sweeps, "solvers.json")))!.AsObject();
        Assert.Equal(["format", "experiment", "checkpoint", "count", "seed", "against", "configurations"], json.Select(field => field.Key));
        var euler = json["configurations"]![0]!.AsObject();
        Assert.Equal(["name", "sampler", "steps", "nfe", "seconds_per_volume", "metrics"], euler.Select(field => field.Key));
        Assert.Equal(9, (double)euler["metrics"]!["fid"]!["value"]!);
        Assert.Equal(2, (double)euler["metrics"]!["fid"]!["interval"]!["high"]!);
        Assert.Equal("mean", (string?)euler["metrics"]!["fid"]!["extractor"]);
        Assert.Equal(1e-3, (double)json["configurations"]![3]!["tolerance"]!);

        var read = SolverSweepFile.Read(_run.Folder)!;
        Assert.Equal(
            Solvers.Configurations.Select(one => (one.Name, one.Steps, one.Tolerance, one.Nfe)),
            read.Configurations.Select(one => (one.Name, one.Steps, one.Tolerance, one.Nfe)));
        Assert.Equal(["too few"], read.Configurations[2].Metrics["fid"].Warnings);
    }

    [Fact]
    public void Steps_are_written_as_agreed_and_read_again()
    {
        Directory.CreateDirectory(_run.Folder.Sweeps);
        var file = new StepSearchFile
        {
            Experiment = "tiny",
            Checkpoint = "step-00000008",
            Sampler = "euler",
            Metric = "fid",
            Lo = 10,
            Hi = 50,
            Evaluated = [new(25, 3.5), new(35, 4)],
            Best = 25,
        };
        file.Write(_run.Folder);

        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_run.Folder.Sweeps, "steps.json")))!.AsObject();
        Assert.Equal(
            ["format", "experiment", "checkpoint", "sampler", "metric", "lo", "hi", "evaluated", "best"], json.Select(field => field.Key));
        Assert.Equal((25, 3.5), ((int)json["evaluated"]![0]!["steps"]!, (double)json["evaluated"]![0]!["value"]!));
        Assert.Equal(file.Evaluated, StepSearchFile.Read(_run.Folder)!.Evaluated);
    }

    [Fact]
    public void Run_without_sweeps_has_none() =>
        Assert.Equal((null, null), (SolverSweepFile.Read(_run.Folder), StepSearchFile.Read(_run.Folder)));

    [Theory]
    [InlineData(
        "{\"format\": 2, \"experiment\": \"e\", \"checkpoint\": \"c\", \"count\": 1, \"seed\": 1, \"against\": \"train\", "
        + "\"configurations\": []}",
        "version 2")]
    [InlineData("{", "cannot be read")]
    public void File_that_is_damaged_or_of_another_version_is_refused_with_a_remedy(string text, string sentence)
    {
        Directory.CreateDirectory(_run.Folder.Sweeps);
        File.WriteAllText(Path.Combine(_run.Folder.Sweeps, "solvers.json"), text);

        var message = Assert.Throws<RunFolderException>(() => SolverSweepFile.Read(_run.Folder)).Message;

        Assert.Contains(sentence, message, StringComparison.Ordinal);
        Assert.Contains("`sweep solvers` makes it anew", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ranking_is_by_the_metric_and_ends_with_what_has_no_value()
    {
        Assert.Equal(["euler_10", "dopri5_", "euler_5", "heun2_5"], Solvers.Ranked("fid").Select(one => one.Name));
        Assert.Equal(
            ["euler_5", "dopri5_", "euler_10", "heun2_5"],
            Solvers.Ranked("fid", order: new MetricOrder(HigherIsBetter: true)).Select(one => one.Name));
    }

    [Fact]
    public void Plot_has_a_line_of_its_own_colour_for_each_solver_and_a_mark_for_each_value()
    {
        var picture = XDocument.Parse(SweepReport.Svg(Solvers, "fid"));

        var lines = picture.Descendants().Where(e => e.Name.LocalName == "polyline").ToArray();
        Assert.Equal(3, lines.Select(line => line.Attribute("stroke")!.Value).Distinct().Count());
        var marks = picture.Descendants().Where(e => e.Name.LocalName == "circle").ToArray();
        Assert.Equal(3, marks.Length);
        // from 5 to 10 calls is as far as from 10 to 20: log(10/5) / log(44/5) of the width
        double at(int mark) => double.Parse(marks[mark].Attribute("cx")!.Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(Math.Log(2) / Math.Log(44.0 / 5), (at(1) - at(0)) / (at(2) - at(0)), 1e-3);
    }

    [Fact]
    public void Report_lists_the_best_first_and_says_what_is_missing()
    {
        Directory.CreateDirectory(_run.Folder.Sweeps);
        SweepReport.Write(_run.Folder, Solvers, Solvers.Ranked("fid"));

        var lines = File.ReadAllLines(Path.Combine(_run.Folder.Sweeps, "solvers.md"));
        Assert.Equal("| euler_10 | 10 | 0.5 | 4 (1 to 2) |", lines[6]);
        Assert.Contains("- fid of heun2_5: too few", lines);
        Assert.True(File.Exists(Path.Combine(_run.Folder.Sweeps, "solvers.svg")));
    }
}
