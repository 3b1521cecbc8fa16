using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Experiments;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>Chains on a real SLURM; left out where it is not installed.</summary>
public sealed class SlurmTests : IClassFixture<SlurmCluster>, IDisposable
{
    private readonly SlurmCluster _cluster;
    private readonly Workspace _work = new();

    public SlurmTests(SlurmCluster cluster)
    {
        Assert.SkipUnless(cluster.WhyNot is null, cluster.WhyNot ?? "");
        _cluster = cluster;
    }

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Chain_of_segments_ends_with_the_weights_of_one_uninterrupted_run()
    {
        // a segment of a minute trains for 20 to 50 seconds, as SLURM looks at its clock every half a minute
        var epochs = Math.Ceiling(55 / SecondsPerEpoch()).ToString(CultureInfo.InvariantCulture);
        string[] set = ["--set", $"training.epochs={epochs}", "--set", "training.checkpoint_every=1000"];

        var submitted = Submit("chained", "00:01:00", ["--lead", "5", .. set]);
        // the first segment ends early, so that there are several also where the machine is suddenly faster
        AwaitSteps("chained", 4);
        _cluster.Run("scancel", "--batch", "--signal=USR1", Job("chained"));
        var whole = _work.Program(["train", "exp11", "--profile", "smoke", "--run", _work.At("whole"), .. set]);
        Assert.Equal((0, 0), (submitted.ExitCode, whole.ExitCode));
        _cluster.Await("the chain's end", () => Chain("chained")["state"]!.GetValue<string>() != "active", 600);

        var chain = Chain("chained");
        Assert.Equal(("completed", "all epochs are done"), ((string?)chain["state"], (string?)chain["explanation"]));
        var segments = chain["segments"]!.AsArray();
        Assert.InRange(segments.Count, 2, 20);
        Assert.Equal(["stopped in time", "done"], segments.Select(segment => (string)segment!["state"]!).Distinct());
        Assert.All(segments.SkipLast(1), segment => Assert.True((long)segment!["steps_gained"]! > 0));
        Assert.Equal((long)chain["run_status"]!["step"]!, segments.Sum(segment => (long)segment!["steps_gained"]!));
        Assert.Equal(Weights("whole"), Weights("chained"));
        Assert.Equal(Losses("whole"), Losses("chained"));
    }

    [Fact]
    public void Jobs_of_two_processes_end_as_one_process_that_was_never_stopped()
    {
        Assert.SkipUnless((Mpi.WhyNot ?? _cluster.WhyNoPmix) is null, Mpi.WhyNot ?? _cluster.WhyNoPmix ?? "");
        string[] set = ["--set", "training.batch_size=2", "--set", "training.epochs=40"];

        Assert.Equal("", Submit("two", "00:10:00", ["--tasks", "2", .. set]).Error);
        AwaitSteps("two", 2);
        _cluster.Run("scancel", "--batch", "--signal=USR1", Job("two"));
        Assert.Equal(0, _work.Program(["train", "exp11", "--profile", "smoke", "--run", _work.At("one"), .. set]).ExitCode);
        _cluster.Await("the chain's end", () => Chain("two")["state"]!.GetValue<string>() != "active");

        var chain = Chain("two");
        Assert.True((string?)chain["state"] == "completed", Said("two"));
        Assert.Equal(["stopped in time", "done"], chain["segments"]!.AsArray().Select(segment => (string?)segment!["state"]));
        Assert.Equal((double)Entries("one")[^1]["loss"]!, (double)Entries("two")[^1]["loss"]!, 1e-4);
        Assert.Equal(Entries("one").Count, Entries("two").Count);
    }

    [Fact]
    public void Segments_without_a_step_are_given_three_more_and_then_end_the_chain()
    {
        // more patients to synthesize than there is time for, whose cohort is whole or not there
        Assert.Equal("", Submit("stalled", "00:01:00", "--lead", "55", "--set", "data.synthesize.train=10000").Error);
        _cluster.Await("the chain's end", () => Chain("stalled")["state"]!.GetValue<string>() != "active", 300);

        var chain = Chain("stalled");

        Assert.Equal("stalled", (string?)chain["state"]);
        Assert.StartsWith("segment 4 gained no step in ", (string?)chain["explanation"], StringComparison.Ordinal);
        Assert.Contains("chain: stalled: segment 4 gained no step", _cluster.VoxelZoo("submit", "status", _work.At("stalled")).Out, StringComparison.Ordinal);
        Assert.Equal(4, chain["segments"]!.AsArray().Count);
    }

    [Fact]
    public void Job_that_is_held_is_shown_with_its_reason_and_one_that_was_removed_as_lost()
    {
        Submit("held", "00:10:00", "--sbatch=--hold");
        Assert.Equal("PENDING (JobHeldUser)", (string?)Chain("held")["segments"]![0]!["state"]);
        var again = Submit("held", "00:10:00");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("has a chain already, whose job ", again.Error, StringComparison.Ordinal);

        _cluster.Run("scancel", Job("held"));

        Assert.Contains($"job {Job("held")} ended (CANCELLED) without saying why; go on with `voxelzoo submit exp11 --resume", (string?)Chain("held")["explanation"], StringComparison.Ordinal);
    }

    [Fact]
    public void Job_whose_training_is_refused_is_shown_as_failed()
    {
        _work.Write("cohort/train/p1/bravo.nii.gz", "not a volume");
        _work.Write("cohort/train/p1/seg.nii.gz", "nor this");
        Assert.Equal("", Submit("refused", "00:10:00", "--set", "data.synthesize=null", "--set", $"data.cohort={_work.At("cohort")}").Error);
        _cluster.Await("the chain's end", () => Chain("refused")["state"]!.GetValue<string>() != "active");

        var chain = Chain("refused");

        Assert.Equal(("failed", "segment 1 was refused (exit code 2); its log says why"), ((string?)chain["state"], (string?)chain["explanation"]));
        Assert.Contains("p1/bravo.nii.gz", File.ReadAllText(Path.Combine(_work.At("refused.submit"), $"{Job("refused")}.log")), StringComparison.Ordinal);
        _cluster.Await("the job's end", () => _cluster.Run("squeue", "--noheader", "--states=all", "--format=%T", $"--jobs={Job("refused")}").Trim() == "FAILED");
    }

    [Fact]
    public void Job_that_is_started_over_goes_on_and_one_that_is_cancelled_ends_with_a_checkpoint()
    {
        Submit("requeued", "00:10:00", "--set", "training.epochs=100000");
        AwaitSteps("requeued", 4);

        Requeue("requeued");
        var before = Steps("requeued");
        _cluster.Await("more steps", () => Steps("requeued") >= before + 2, 120);
        _cluster.Run("scancel", Job("requeued"));
        _cluster.Await("the chain's end", () => Chain("requeued")["state"]!.GetValue<string>() != "active", 120);

        var chain = Chain("requeued");
        Assert.Equal(("cancelled", "segment 2 was cancelled or preempted"), ((string?)chain["state"], (string?)chain["explanation"]));
        Assert.Equal(["submitted", "requeued"], chain["segments"]!.AsArray().Select(segment => (string?)segment!["reason"]));
        var steps = (long)chain["run_status"]!["step"]!;
        Assert.Equal(("time_limit", steps), ((string?)chain["run_status"]!["status"], (long)chain["segments"]![1]!["steps_after"]!));
        Assert.True(File.Exists(Path.Combine(_work.At("requeued"), $"checkpoints/step-{steps:D8}/manifest.json")));
    }

    [Theory]
    [InlineData("time_limit")]
    [InlineData("requeued")]
    public void Job_that_ends_in_each_stage_of_preparation_goes_on_in_the_next(string reason)
    {
        string[] train = ["exp9_1", "--profile", "smoke", "--set", "data.synthesize.train=12", "--set", "training.epochs=20"];
        var run = _work.At("prepared");
        var submitted = _cluster.VoxelZoo(["submit", .. train, "--run", run, "--time", "00:10:00"]);
        Assert.Equal((0, ""), (submitted.ExitCode, submitted.Error));

        foreach (var stage in new[] { "cohort.*.tmp", "first/compressor/checkpoints/latest", "latents/train" })
        {
            var segments = Chain("prepared")["segments"]!.AsArray();
            var job = (string)segments[^1]!["job"]!;
            AwaitFile("prepared", stage);
            Signal("prepared", "STOP"); // or the stage may be over before SLURM, on a busy machine, has done what it is told
            if (reason == "requeued")
                _cluster.Run("scontrol", "requeue", job);
            else
                _cluster.Run("scancel", "--batch", "--signal=USR1", job); // what SLURM sends before the time limit
            Signal("prepared", "CONT");
            if (reason == "requeued")
                StartAgain("prepared", job);
            else
                _cluster.Await("the next job", () => Chain("prepared")["segments"]!.AsArray().Count > segments.Count);
        }

        _cluster.Await("the chain's end", () => (string?)Chain("prepared")["state"] != "active", 300);
        Assert.Equal(0, _work.Program(["train", .. train, "--run", _work.At("whole")]).ExitCode);

        var chain = Chain("prepared");
        Assert.True((string?)chain["state"] == "completed", $"{chain["explanation"]}\n{Said("prepared")}");
        Assert.Equal(["submitted", reason, reason, reason], chain["segments"]!.AsArray().Select(segment => (string?)segment!["reason"]));
        Assert.Equal(Weights("whole"), Weights("prepared"));
    }

    /// <summary>Waits for what a stage leaves; looks often, as stages are short.</summary>
    private void AwaitFile(string run, string pattern)
    {
        var folder = Path.GetDirectoryName(Path.Combine(_work.At(run), pattern))!;
        for (var waited = Stopwatch.StartNew(); !(Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder, Path.GetFileName(pattern)).Any()); Thread.Sleep(2))
            Assert.True(waited.Elapsed.TotalSeconds < 300, $"{pattern}: not there\n{Said(run)}");
    }

    /// <summary>Signals the processes that train a run, and not the shells that started them.</summary>
    private void Signal(string run, string signal)
    {
        foreach (var process in Process.GetProcessesByName("voxelzoo"))
        {
            using (process)
            {
                if (CommandLine(process) is { } words && words.Contains("train") && words.Any(word => word.StartsWith(_work.At(run), StringComparison.Ordinal)))
                    _cluster.Run("kill", "-s", signal, $"{process.Id}");
            }
        }
    }

    private static string[]? CommandLine(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return null; // it ended just now
        }
    }

    /// <summary>Lets SLURM start the job over, at once.</summary>
    private void Requeue(string run)
    {
        var job = Job(run);
        _cluster.Run("scontrol", "requeue", job);
        StartAgain(run, job);
    }

    /// <summary>Spares a job that was requeued the two minutes that it would wait.</summary>
    private void StartAgain(string run, string job)
    {
        _cluster.Await("the job to wait", () => ((string?)Chain(run)["explanation"])?.Contains("SLURM is to start job", StringComparison.Ordinal) == true);
        _cluster.Run("scontrol", "update", $"JobId={job}", "StartTime=now");
    }

    [Fact]
    public void What_slurm_does_not_take_is_refused_and_leaves_nothing()
    {
        var outcome = Submit("nowhere", "00:10:00", "--partition", "nowhere");

        Assert.Equal((2, "sbatch does not take the job: Batch job submission failed: Invalid partition name specified\n"), (outcome.ExitCode, outcome.Error));
        Assert.False(Path.Exists(_work.At("nowhere.submit")));
    }

    private VoxelZooProgram.Outcome Submit(string run, string time, params string[] more) =>
        _cluster.VoxelZoo(["submit", "exp11", "--profile", "smoke", "--run", _work.At(run), "--time", time, .. more]);

    private JsonNode Chain(string run) => JsonNode.Parse(_cluster.VoxelZoo("submit", "status", _work.At(run), "--json").Out)!;

    private string Job(string run) => (string)Chain(run)["segments"]![0]!["job"]!;

    private long Steps(string run) => (long?)Chain(run)["run_status"]?["step"] ?? 0;

    /// <summary>Waits until a run has taken so many steps; a chain that ended before shows what its jobs said.</summary>
    private void AwaitSteps(string run, long steps)
    {
        _cluster.Await($"{steps} steps", () => Steps(run) >= steps || (string?)Chain(run)["state"] != "active", 300);
        Assert.True(Steps(run) >= steps, Said(run));
    }

    /// <summary>What a run's jobs printed.</summary>
    private string Said(string run) => string.Concat(Directory.GetFiles(_work.At($"{run}.submit"), "*.log").Order().Select(File.ReadAllText));

    private double SecondsPerEpoch()
    {
        const int Epochs = 6;
        Assert.Equal(0, _work.Smoke("exp11", "--set", $"training.epochs={Epochs}", "--set", "training.checkpoint_every=1000").ExitCode);
        return (double)JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!["training_seconds"]! / Epochs;
    }

    private string Weights(string run)
    {
        var checkpoints = Path.Combine(_work.At(run), "checkpoints");
        var latest = File.ReadAllText(Path.Combine(checkpoints, "latest")).Trim();
        return Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(checkpoints, latest, "denoiser.safetensors"))));
    }

    private string[] Losses(string run) => [.. Entries(run).Select(entry => $"{entry["kind"]} {entry["step"]} {entry["loss"]}")];

    private List<JsonNode> Entries(string run) => [.. File.ReadLines(Path.Combine(_work.At(run), "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)];
}
