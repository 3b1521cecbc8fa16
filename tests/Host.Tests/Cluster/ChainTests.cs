using VoxelZoo.Host.Cluster;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>What follows from how a segment ended.</summary>
public sealed class ChainTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Segment_that_ran_out_of_time_is_followed_by_another()
    {
        var chain = Started(steps: 10).Ended(new SegmentEnd(3, "USR1", Steps: 30), Noon.AddHours(1));

        Assert.Equal((ChainState.Active, SegmentReason.TimeLimit, 20L), (chain.State, chain.Succession, chain.Segments[0].StepsGained));
    }

    [Fact]
    public void Complete_run_ends_the_chain() => Assert.Equal(ChainState.Completed, EndOf(new SegmentEnd(0, null, 30)));

    [Fact]
    public void Run_that_completes_as_its_time_runs_out_ends_the_chain() =>
        Assert.Equal(ChainState.Completed, EndOf(new SegmentEnd(0, "USR1", 30)));

    [Theory]
    [InlineData(3, "USR1")]
    [InlineData(137, null)] // killed for its memory
    [InlineData(1, "USR1")] // its time ran out before training began
    public void Segment_without_a_step_ends_the_chain(int code, string? signal)
    {
        var chain = Started(steps: 10).Ended(new SegmentEnd(code, signal, Steps: 10), Noon.AddMinutes(90));

        Assert.Equal(ChainState.Stalled, chain.State);
        Assert.Contains($"segment 1 gained no step in 0.01:30:00 (exit code {code})", chain.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void Time_limit_before_the_first_step_is_followed_by_another_segment_but_not_for_ever()
    {
        var chain = Started(steps: 0);
        for (var segment = 1; segment <= Chain.IdleRestarts; segment++)
        {
            chain = chain.Ended(new SegmentEnd(3, "USR1", 0, Preparing: true), Noon);
            Assert.Equal((ChainState.Active, SegmentReason.TimeLimit), (chain.State, chain.Succession));
            chain = chain.Submitted($"8{segment}", SegmentReason.TimeLimit, Noon).Begun(0, Noon);
        }

        Assert.Equal(ChainState.Stalled, chain.Ended(new SegmentEnd(3, "USR1", 0, Preparing: true), Noon).State);
    }

    [Fact]
    public void Damaged_checkpoint_that_sets_the_run_back_is_no_gain() =>
        Assert.Equal(ChainState.Stalled, EndOf(new SegmentEnd(3, "USR1", Steps: 5)));

    [Fact]
    public void Killed_training_that_gained_steps_is_followed_by_another()
    {
        var chain = Started(steps: 10).Ended(new SegmentEnd(137, null, 30), Noon);

        Assert.Equal((ChainState.Active, SegmentReason.Killed), (chain.State, chain.Succession));
    }

    [Theory]
    [InlineData(1, null, "segment 1 ended with exit code 1; its log says why")]
    [InlineData(2, null, "segment 1 was refused (exit code 2); its log says why")]
    [InlineData(2, "USR1", "segment 1 was refused (exit code 2); its log says why")]
    public void Failure_ends_the_chain(int code, string? signal, string explanation)
    {
        var chain = Started(steps: 10).Ended(new SegmentEnd(code, signal, 30), Noon);

        Assert.Equal((ChainState.Failed, explanation), (chain.State, chain.Explanation));
    }

    [Fact]
    public void Divergence_ends_the_chain_with_what_the_run_says()
    {
        var chain = Started(steps: 10).Ended(new SegmentEnd(1, "USR1", 30, Failure: "the loss is NaN at step 29"), Noon);

        Assert.Equal((ChainState.Failed, "the run failed in segment 1: the loss is NaN at step 29"), (chain.State, chain.Explanation));
    }

    [Fact]
    public void Cancelled_segment_ends_the_chain_although_it_gained_steps() =>
        Assert.Equal(ChainState.Cancelled, EndOf(new SegmentEnd(3, "TERM", 30)));

    [Fact]
    public void Chain_ends_with_its_last_segment()
    {
        var chain = Started(steps: 0, limit: 2);
        chain = chain.Ended(new SegmentEnd(3, "USR1", 10), Noon).Submitted("8", SegmentReason.TimeLimit, Noon).Begun(10, Noon);
        Assert.Equal(ChainState.Active, chain.State);

        chain = chain.Ended(new SegmentEnd(3, "USR1", 20), Noon);

        Assert.Equal((ChainState.Exhausted, "all 2 segments are used"), (chain.State, chain.Explanation));
    }

    [Fact]
    public void Job_that_is_started_over_is_another_segment_and_does_not_count()
    {
        var chain = Started(steps: 0, limit: 2).Begun(steps: 7, Noon.AddHours(1));

        Assert.Equal([7, null], chain.Segments.Select(segment => segment.StepsGained));
        Assert.Equal([null, Noon.AddHours(1)], chain.Segments.Select(segment => segment.Attempt == 1 ? null : segment.Started));
        Assert.Equal(
            (SegmentReason.Requeued, "7", 2, 7L),
            (chain.Segments[1].Reason, chain.Segments[1].Job, chain.Segments[1].Attempt, chain.Segments[1].StepsBefore));
        Assert.Equal(ChainState.Active, chain.Ended(new SegmentEnd(3, "USR1", 20), Noon).State);
    }

    [Fact]
    public void Preempted_job_goes_on_when_it_is_started_over()
    {
        var chain = Started(steps: 0).Ended(new SegmentEnd(3, "TERM", 9), Noon).Begun(9, Noon);

        Assert.Equal((ChainState.Active, null), (chain.State, chain.Explanation));
    }

    [Fact]
    public void Node_that_fails_again_and_again_ends_the_chain_after_three_restarts()
    {
        var chain = Started(steps: 5);
        for (var restart = 0; restart < 3; restart++)
        {
            chain = chain.Begun(5, Noon);
            Assert.Equal(ChainState.Active, chain.State);
        }

        chain = chain.Begun(5, Noon);

        Assert.Equal(ChainState.Stalled, chain.State);
        Assert.Equal(4, chain.Segments.Count);
    }

    [Fact]
    public void Restarts_that_gain_steps_go_on_for_ever()
    {
        var chain = Started(steps: 0);
        for (var steps = 1; steps <= 20; steps++)
            chain = chain.Begun(steps, Noon);

        Assert.Equal((ChainState.Active, 21), (chain.State, chain.Segments.Count));
    }

    private static ChainState EndOf(SegmentEnd end) => Started(steps: 10).Ended(end, Noon).State;

    private static Chain Started(long steps, int limit = 20) =>
        new Chain { Experiment = "exp1", Run = "/runs/exp1", Limit = limit, Segments = [] }
            .Submitted("7", SegmentReason.Submitted, Noon)
            .Begun(steps, Noon);
}
