using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>Chains on a real SLURM; left out where it is not installed.</summary>
public sealed class SlurmTests(SlurmCluster cluster) : SlurmChains(cluster)
{
    [Fact]
    public void Chain_of_segments_ends_with_the_weights_of_one_uninterrupted_run()
    {
        string[] set = ["--set", "training.epochs=40", "--set", "training.checkpoint_every=1000"];

        var submitted = Submit("chained", "00:01:00", ["--lead", "5", .. set]);
        // it stands still until SLURM has told it of its limit, for which it would have to train a minute
        AwaitSteps("chained", 4);
        Signal("chained", "STOP");
        Cluster.Await("SLURM's signal", () => Waits("chained", Usr1));
        Signal("chained", "CONT");
        var whole = Work.Program(["train", "exp11", "--profile", "smoke", "--run", Work.At("whole"), .. set]);
        Assert.Equal((0, 0), (submitted.ExitCode, whole.ExitCode));
        AwaitEnd("chained", 600);

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
        Assert.SkipUnless((Mpi.WhyNot ?? Cluster.WhyNoPmix) is null, Mpi.WhyNot ?? Cluster.WhyNoPmix ?? "");
        string[] set = ["--set", "training.batch_size=2", "--set", "training.epochs=40"];

        Assert.Equal("", Submit("two", "00:10:00", ["--tasks", "2", .. set]).Error);
        AwaitSteps("two", 2);
        EndTime(Job("two"));
        Assert.Equal(0, Work.Program(["train", "exp11", "--profile", "smoke", "--run", Work.At("one"), .. set]).ExitCode);
        AwaitEnd("two");

        var chain = Chain("two");
        Assert.True((string?)chain["state"] == "completed", Said("two"));
        Assert.Equal(["stopped in time", "done"], chain["segments"]!.AsArray().Select(segment => (string?)segment!["state"]));
        Assert.Equal((double)Entries("one")[^1]["loss"]!, (double)Entries("two")[^1]["loss"]!, 1e-4);
        Assert.Equal(Entries("one").Count, Entries("two").Count);
    }

    [Fact]
    public void Job_that_is_held_is_shown_with_its_reason_and_one_that_was_removed_as_lost()
    {
        Submit("held", "00:10:00", "--sbatch=--hold");
        Assert.Equal("PENDING (JobHeldUser)", (string?)Chain("held")["segments"]![0]!["state"]);
        var again = Submit("held", "00:10:00");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("has a chain already, whose job ", again.Error, StringComparison.Ordinal);

        Cluster.Run("scancel", Job("held"));

        Assert.Contains(
            $"job {Job("held")} ended (CANCELLED) without saying why; go on with `voxelzoo submit exp11 --resume",
            (string?)Chain("held")["explanation"],
            StringComparison.Ordinal);
    }

    [Fact]
    public void Job_whose_training_is_refused_is_shown_as_failed()
    {
        Work.Write("cohort/train/p1/bravo.nii.gz", "not a volume");
        Work.Write("cohort/train/p1/seg.nii.gz", "nor this");
        Assert.Equal("", Submit("refused", "00:10:00", "--set", "data.synthesize=null", "--set", $"data.cohort={Work.At("cohort")}").Error);
        AwaitEnd("refused");

        var chain = Chain("refused");

        Assert.Equal(
            ("failed", "segment 1 was refused (exit code 2); its log says why"), ((string?)chain["state"], (string?)chain["explanation"]));
        Assert.Contains(
            "p1/bravo.nii.gz",
            File.ReadAllText(Path.Combine(Work.At("refused.submit"), $"{Job("refused")}.log")),
            StringComparison.Ordinal);
        Cluster.Await(
            "the job's end",
            () => Cluster.Run("squeue", "--noheader", "--states=all", "--format=%T", $"--jobs={Job("refused")}").Trim() == "FAILED");
    }

    [Fact]
    public void Job_that_is_started_over_goes_on_and_one_that_is_cancelled_ends_with_a_checkpoint()
    {
        Submit("requeued", "00:10:00", "--set", "training.epochs=100000");
        AwaitSteps("requeued", 4);

        var job = Job("requeued");
        Requeue(job);
        StartAgain("requeued", job);
        var before = Steps("requeued");
        Cluster.Await("more steps", () => Steps("requeued") >= before + 2, 120);
        Cluster.Run("scancel", job);
        AwaitEnd("requeued", 120);

        var chain = Chain("requeued");
        Assert.Equal(("cancelled", "segment 2 was cancelled or preempted"), ((string?)chain["state"], (string?)chain["explanation"]));
        Assert.Equal(["submitted", "requeued"], chain["segments"]!.AsArray().Select(segment => (string?)segment!["reason"]));
        var steps = (long)chain["run_status"]!["step"]!;
        Assert.Equal(("time_limit", steps), ((string?)chain["run_status"]!["status"], (long)chain["segments"]![1]!["steps_after"]!));
        Assert.True(File.Exists(Path.Combine(Work.At("requeued"), $"checkpoints/step-{steps:D8}/manifest.json")));
    }

    [Fact]
    public void What_slurm_does_not_take_is_refused_and_leaves_nothing()
    {
        var outcome = Submit("nowhere", "00:10:00", "--partition", "nowhere");

        Assert.Equal(
            (2, "sbatch does not take the job: Batch job submission failed: Invalid partition name specified\n"),
            (outcome.ExitCode, outcome.Error));
        Assert.False(Path.Exists(Work.At("nowhere.submit")));
    }

    private string[] Losses(string run) => [.. Entries(run).Select(entry => $"{entry["kind"]} {entry["step"]} {entry["loss"]}")];

    private List<JsonNode> Entries(string run) =>
        [.. File.ReadLines(Path.Combine(Work.At(run), "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)];
}
