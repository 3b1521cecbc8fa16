namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>Chains whose jobs end before training begins.</summary>
public sealed class SlurmPreparationTests(SlurmCluster cluster) : SlurmChains(cluster)
{
    [Theory]
    [InlineData("time_limit")]
    [InlineData("requeued")]
    public void Job_that_ends_in_each_stage_of_preparation_goes_on_in_the_next(string reason)
    {
        string[] train = ["exp9_1", "--profile", "smoke", "--set", "data.synthesize.train=6"];
        var run = Work.At("prepared");
        var submitted = Cluster.VoxelZoo(["submit", .. train, "--run", run, "--time", "00:10:00"]);
        Assert.Equal((0, ""), (submitted.ExitCode, submitted.Error));

        foreach (var stage in new[] { "cohort.*.tmp", "first/compressor/checkpoints/latest", "latents/train" })
        {
            AwaitFile("prepared", stage);
            Signal("prepared", "STOP"); // or the stage may be over before SLURM, on a busy machine, has done what it is told
            var before = Segments("prepared");
            if (reason == "requeued")
                Requeue(before[^1]);
            else
                EndTime(before[^1]);
            Signal("prepared", "CONT");
            if (reason == "requeued")
                StartAgain("prepared", before[^1]);
            else
                Cluster.Await("the next job", () => Segments("prepared").Length > before.Length);
        }

        AwaitEnd("prepared", 300);
        Assert.Equal(0, Work.Program(["train", .. train, "--run", Work.At("whole")]).ExitCode);

        var chain = Chain("prepared");
        Assert.True((string?)chain["state"] == "completed", $"{chain["explanation"]}\n{Said("prepared")}");
        Assert.Equal(["submitted", reason, reason, reason], chain["segments"]!.AsArray().Select(segment => (string?)segment!["reason"]));
        Assert.Equal(Weights("whole"), Weights("prepared"));
    }

    [Fact]
    public void Segments_without_a_step_are_given_three_more_and_then_end_the_chain()
    {
        // as many patients as take longer than the test; the cohort is there as a whole or not
        Assert.Equal("", Submit("stalled", "00:10:00", "--set", "data.synthesize.train=10000").Error);
        for (var segment = 1; segment <= 4; segment++)
        {
            Cluster.Await(
                $"segment {segment}",
                () => Segments("stalled").Length == segment && Written("stalled")["segments"]![segment - 1]!["started"] is not null);
            AwaitFile("stalled", "cohort.*.tmp");
            EndTime(Segments("stalled")[^1]);
        }

        AwaitEnd("stalled");
        var chain = Chain("stalled");

        Assert.Equal("stalled", (string?)chain["state"]);
        Assert.StartsWith("segment 4 gained no step in ", (string?)chain["explanation"], StringComparison.Ordinal);
        Assert.Contains(
            "chain: stalled: segment 4 gained no step",
            Cluster.VoxelZoo("submit", "status", Work.At("stalled")).Out,
            StringComparison.Ordinal);
        Assert.Equal(4, chain["segments"]!.AsArray().Count);
    }

    /// <summary>The jobs of a chain's segments.</summary>
    private string[] Segments(string run) => [.. Written(run)["segments"]!.AsArray().Select(segment => (string)segment!["job"]!)];
}
