using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary><c>bench</c> on the smallest experiment. How fast it is is no test's business.</summary>
public sealed class BenchTests : IDisposable
{
    private readonly Workspace _work = new();

    [Fact]
    public void Measures_and_keeps_nothing()
    {
        var outcome = _work.Here(
            "bench", "exp11", "--profile", "smoke", "--set", "training.epochs=6", "--steps", "2", "--samples", "1", "--json");

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        var measured = JsonNode.Parse(outcome.Out)!.AsObject();
        string[] keys =
        [
            "experiment", "device", "threads", "steps", "step_seconds", "step_cpu_seconds", "samples_per_second", "share",
            "peak_mebibytes", "device_mebibytes",
            "sampling_seconds", "gflops", "machine_gflops",
        ];
        Assert.Equal(keys, measured.Select(one => one.Key));
        Assert.Equal(("exp11", "cpu", 1), ((string?)measured["experiment"], (string?)measured["device"], (int)measured["threads"]!));
        Assert.Equal(1, measured["share"]!.AsObject().Sum(share => (double)share.Value!), 1e-6);
        Assert.All(
            ["step_seconds", "step_cpu_seconds", "samples_per_second", "peak_mebibytes", "sampling_seconds", "gflops", "machine_gflops"],
            key => Assert.True((double)measured[key]! > 0, key));
    }

    [Theory]
    [InlineData("--steps", "0", "--steps 0: measure one step or more")]
    [InlineData("--samples", "-1", "--samples -1: generate none or more")]
    public void Nothing_to_measure_is_refused(string option, string value, string sentence)
    {
        var outcome = _work.Here("bench", "exp11", option, value);

        Assert.Equal((2, "", sentence + "\n"), (outcome.ExitCode, outcome.Out, outcome.Error));
    }

    public static TheoryData<string> CasesBesidePyTorch =>
        new(File.ReadLines(Path.Combine(Repository.Root, "benchmarks/side-by-side/cases.txt"))
            .Where(line => !line.StartsWith('#')));

    [Theory]
    [MemberData(nameof(CasesBesidePyTorch))]
    public void Case_beside_PyTorch_is_an_experiment(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var file = Path.Combine(Repository.Root, "experiments", words[1] + ".yaml");

        var outcome = _work.Here(["describe", file, .. words[2..].SelectMany(value => new[] { "--set", value })]);

        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    public void Dispose() => _work.Dispose();
}
