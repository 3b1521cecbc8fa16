using System.Diagnostics;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Sweeps;

/// <summary><c>sweep solvers</c> and <c>sweep steps</c> by the program, on a run that is trained once.</summary>
public sealed class SweepTests(SweepTests.Trained trained) : IClassFixture<SweepTests.Trained>
{
    private static readonly string[] Part = ["--only", "euler_5,heun2_5", "--only", "dopri5_1e-2", "--count", "2"];

    private string Run => trained.Work.Run;

    private string Configurations => Path.Combine(Run, "sweeps", "configurations");

    public sealed class Trained : IDisposable
    {
        internal Workspace Work { get; } = new();

        public Trained() => Work.Trained();

        public void Dispose() => Work.Dispose();
    }

    [Fact]
    public void Sweep_that_was_killed_goes_on_and_ends_as_one_that_was_not()
    {
        string[] sweep = ["sweep", "solvers", Run, .. Part];
        while (!KilledInTheMiddle(sweep))
        {
            // it was done before this process, on a busy machine, came to look
        }

        var first = Directory.GetFiles(Configurations, "*.json").ToDictionary(file => file, File.ReadAllText);
        var resumed = trained.Work.Here(sweep);
        Assert.Equal((0, ""), (resumed.ExitCode, resumed.Error));
        Assert.Contains("(done before)", resumed.Out, StringComparison.Ordinal);
        Assert.All(first, pair => Assert.Equal(pair.Value, File.ReadAllText(pair.Key)));
        var ended = Solvers();

        Directory.Delete(Path.Combine(Run, "sweeps"), recursive: true);
        var straight = trained.Work.Here([.. sweep, "--json"]);
        Assert.Equal(0, straight.ExitCode);
        Assert.True(JsonNode.DeepEquals(Timeless(ended), Timeless(JsonNode.Parse(straight.Out)!)));
        Assert.True(JsonNode.DeepEquals(Solvers(), JsonNode.Parse(straight.Out)!));

        Assert.Equal(["euler_5", "heun2_5", "dopri5_1e-2"], ended["configurations"]!.AsArray().Select(one => (string?)one!["name"]));
        // heun2 spares one call in the last step
        Assert.Equal([5.0, 9.0], ended["configurations"]!.AsArray().Take(2).Select(one => (double)one!["nfe"]!));
        Assert.Equal(["fid", "kid", "cmmd"], ended["configurations"]![0]!["metrics"]!.AsObject().Select(metric => metric.Key));
        // one width of the kernel for all configurations
        Assert.StartsWith(
            "sigma ",
            Assert.Single(ended["configurations"]!.AsArray().Select(one => (string)one!["metrics"]!["cmmd"]!["basis"]!).Distinct()),
            StringComparison.Ordinal);
        Assert.StartsWith("scattering", (string?)ended["configurations"]![0]!["metrics"]!["fid"]!["extractor"], StringComparison.Ordinal);
        Assert.Equal((2, 42L, "train"), ((int)ended["count"]!, (long)ended["seed"]!, (string?)ended["against"]));
        Assert.Contains("| dopri5_1e-2 |", File.ReadAllText(Path.Combine(Run, "sweeps", "solvers.md")), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Run, "sweeps", "solvers.svg")));

        // the search finds euler_5 done, and looks at the other end of an interval of two
        var steps = trained.Work.Here("sweep", "steps", Run, "--lo", "5", "--hi", "6", "--count", "2");
        Assert.Equal((0, ""), (steps.ExitCode, steps.Error));
        Assert.Matches("euler_5: .*done before", steps.Out);
        Assert.DoesNotMatch("euler_6: .*done before", steps.Out);
        var search = JsonNode.Parse(File.ReadAllText(Path.Combine(Run, "sweeps", "steps.json")))!;
        var tried = search["evaluated"]!.AsArray().Select(one => ((int)one!["steps"]!, (double)one["value"]!)).ToArray();
        Assert.Equal((double)ended["configurations"]![0]!["metrics"]!["fid"]!["value"]!, tried.Single(one => one.Item1 == 5).Item2);
        Assert.Equal(tried.MinBy(one => one.Item2).Item1, (int)search["best"]!);
    }

    private bool KilledInTheMiddle(string[] sweep)
    {
        if (Directory.Exists(Path.Combine(Run, "sweeps")))
            Directory.Delete(Path.Combine(Run, "sweeps"), recursive: true); // what another test left in this run
        using var killed = VoxelZooProgram.Start(Workspace.OneThread, sweep);
        while (!killed.HasExited && !(Directory.Exists(Configurations) && Directory.GetFiles(Configurations, "*.json").Length > 0))
            Thread.Sleep(5);
        killed.Kill();
        killed.WaitForExit();
        var done = Directory.GetFiles(Configurations, "*.json").Length;
        Assert.InRange(done, 1, 3);
        return done < 3 && !File.Exists(Path.Combine(Run, "sweeps", "solvers.json"));
    }

    [Fact]
    public void Interrupt_ends_a_sweep_that_keeps_others_out_and_says_how_to_go_on()
    {
        using var first = VoxelZooProgram.Start(
            Workspace.OneThread, "sweep", "solvers", Run, "--only", "euler_10,rk4_100", "--count", "3", "--seed", "9");
        Assert.StartsWith("euler_10: ", first.StandardOutput.ReadLine(), StringComparison.Ordinal);

        var second = trained.Work.Here("sweep", "steps", Run, "--count", "2");
        using (var kill = Process.Start("kill", ["-s", "INT", $"{first.Id}"]))
            kill.WaitForExit();
        var said = first.StandardOutput.ReadToEnd();
        first.WaitForExit();

        Assert.Equal(2, second.ExitCode);
        Assert.StartsWith($"{Run} is being swept by another process", second.Error, StringComparison.Ordinal);
        Assert.Equal(
            (3, $"{Run}: stopped after 1 of 2 configurations; the same command goes on with the next one\n"), (first.ExitCode, said));
    }

    [Theory]
    [InlineData("--only: no configuration is called `heun2_11`; did you mean `heun2_10`?", "solvers", "--only", "heun2_11")]
    [InlineData("`--against` is `valid`; name one of train, val, test", "solvers", "--against", "valid")]
    [InlineData("`--checkpoint` is `newest`; name one of best, latest", "solvers", "--checkpoint", "newest")]
    [InlineData("--count: `count` is 0, must be at least 1", "solvers", "--count", "0")]
    [InlineData("`psnr` compares volume by volume", "solvers", "--metric", "psnr")]
    [InlineData(
        "`memorisation` compares with the volumes that were trained on, and --against is val; use --against train", "solvers", "--metric",
        "memorisation", "--against", "val")]
    [InlineData("--metric: there is no metric `fidd`", "solvers", "--metric", "fidd")]
    [InlineData("time_shift 2 shifts a grid of times", "solvers", "--time-shift", "2", "--only", "dopri*")]
    [InlineData("--guidance: guidance 3 needs predictions without the condition", "solvers", "--guidance", "3")]
    [InlineData("--lo 20 --hi 10: expected 1 ≤ lo ≤ hi ≤ 1000", "steps", "--lo", "20", "--hi", "10")]
    [InlineData("--tolerance is 0; give at least 1", "steps", "--tolerance", "0")]
    [InlineData("--sampler: there is no sampler `eular`; did you mean `euler`?", "steps", "--sampler", "eular")]
    [InlineData("--sampler: `dopri5` takes steps of its own choice and has no number of them", "steps", "--sampler", "dopri5")]
    public void Wrong_input_is_refused_and_writes_nothing(string sentence, string verb, params string[] arguments)
    {
        var before = Files();

        var outcome = trained.Work.Here(["sweep", verb, Run, .. arguments]);

        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd().Split('\n'));
        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal(before, Files());
    }

    [Fact]
    public void Compressor_has_no_sampler_to_sweep()
    {
        var folder = Directory.CreateDirectory(trained.Work.At("compressor")).FullName;
        File.WriteAllText(Path.Combine(folder, "experiment.yaml"), "id: c\ncompressor: {use: vqvae}\ntarget: bravo\n");

        var outcome = trained.Work.Here("sweep", "solvers", folder);

        Assert.Equal(
            (2, $"{folder} is a compressor's run, which has no sampler to sweep; name one of a denoiser\n"),
            (outcome.ExitCode, outcome.Error));
    }

    private string[] Files() => [.. Directory.GetFileSystemEntries(Run, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private JsonNode Solvers() => JsonNode.Parse(File.ReadAllText(Path.Combine(Run, "sweeps", "solvers.json")))!;

    private static JsonNode Timeless(JsonNode file)
    {
        var copy = file.DeepClone();
        foreach (var one in copy["configurations"]!.AsArray())
            one!["seconds_per_volume"] = 0;
        return copy;
    }
}
