namespace VoxelZoo.Host.Cluster;

/// <summary>A run's chain of jobs: <c>chain.json</c>. The methods say what follows from what happened, and touch nothing.</summary>
internal sealed record Chain
{
    /// <summary>
    /// How often in succession SLURM may start a job over, or a time limit may end the preparations of a run, without its gaining a step.
    /// </summary>
    public const int IdleRestarts = 3;

    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>The run's folder.</summary>
    public required string Run { get; init; }

    /// <summary>How many segments may be submitted. Those that SLURM starts over by itself do not count.</summary>
    public required int Limit { get; init; }

    /// <summary>How it stands.</summary>
    public ChainState State { get; init; }

    /// <summary>Why it stands so, as a sentence; null while it goes on.</summary>
    public string? Explanation { get; init; }

    /// <summary>Its segments, the oldest first.</summary>
    public required IReadOnlyList<Segment> Segments { get; init; }

    /// <summary>Segments that were submitted.</summary>
    private int Submissions => Segments.Count(segment => segment.Reason != SegmentReason.Requeued);

    private Segment Last => Segments[^1];

    /// <summary>Whether the chain's last segment is this job.</summary>
    public bool Awaits(string job) => Segments.Count > 0 && Last.Job == job;

    /// <summary>The chain with a segment that was just submitted.</summary>
    public Chain Submitted(string job, SegmentReason reason, DateTimeOffset now) => this with
    {
        State = ChainState.Active,
        Explanation = null,
        Segments = [.. Segments, new Segment { Attempt = Segments.Count + 1, Job = job, Reason = reason, Submitted = now }],
    };

    /// <summary>The chain after its last segment began. Where that had begun before, SLURM started the job over.</summary>
    /// <param name="steps">Steps in the run's newest checkpoint.</param>
    /// <param name="now">The time.</param>
    public Chain Begun(long steps, DateTimeOffset now)
    {
        if (Last.Started is null)
            return WithLast(Last with { Started = now, StepsBefore = steps });

        var lost = Last.Ended is null ? WithLast(Last with { Ended = now, StepsAfter = steps }) : this;
        var idle = lost.Segments.Reverse().TakeWhile(segment => segment.Job == Last.Job && segment.StepsGained <= 0).Count();
        if (idle > IdleRestarts)
            return lost.Over(
                ChainState.Stalled,
                $"SLURM started job {Last.Job} over {IdleRestarts} times and it gained no step; see why with sacct or in the logs");
        var again = lost.Submitted(Last.Job, SegmentReason.Requeued, now);
        return again.WithLast(again.Last with { Started = now, StepsBefore = steps });
    }

    /// <summary>The chain after its last segment ended; where it is still active, <see cref="Succession"/> is to be submitted.</summary>
    /// <param name="end">How it ended.</param>
    /// <param name="now">The time.</param>
    public Chain Ended(SegmentEnd end, DateTimeOffset now)
    {
        var chain = WithLast(Last with { Ended = now, ExitCode = end.ExitCode, Signal = end.Signal, StepsAfter = end.Steps });
        var name = $"segment {Last.Attempt}";
        var stopped = end.ExitCode is 3 or > 128 || end.Signal == "USR1";
        return (end.ExitCode, end.Signal) switch
        {
            (0, _) => chain.Over(ChainState.Completed, "all epochs are done"),
            (2, _) => chain.Over(ChainState.Failed, $"{name} was refused (exit code 2); its log says why"),
            _ when end.Failure is { } failure => chain.Over(ChainState.Failed, $"the run failed in {name}: {failure}"),
            (_, "TERM") => chain.Over(ChainState.Cancelled, $"{name} was cancelled or preempted"),
            _ when !stopped => chain.Over(ChainState.Failed, $"{name} ended with exit code {end.ExitCode}; its log says why"),
            _ when chain.Last.StepsGained <= 0 && !chain.Prepares(end) => chain.Over(
                ChainState.Stalled,
                $"{name} gained no step in {chain.Last.Ended - chain.Last.Started:d\\.hh\\:mm\\:ss} (exit code {end.ExitCode}): "
                + "give it more --time, or, where its log says that it was killed, more --mem"),
            _ when Submissions >= Limit =>
                chain.Over(ChainState.Exhausted, Submissions == 1 ? "its only segment is used" : $"all {Limit} segments are used"),
            _ => chain,
        };
    }

    /// <summary>
    /// Whether the time ran out before the first step, and not too often: what is prepared in one segment is there in the next.
    /// </summary>
    private bool Prepares(SegmentEnd end) =>
        end is { Preparing: true, ExitCode: 3 }
        && Segments.Reverse().TakeWhile(segment => segment.StepsGained <= 0).Count() <= IdleRestarts;

    /// <summary>Why there is a segment after the last one.</summary>
    public SegmentReason Succession => Last.ExitCode == 3 || Last.Signal == "USR1" ? SegmentReason.TimeLimit : SegmentReason.Killed;

    /// <summary>The chain at its end.</summary>
    public Chain Over(ChainState state, string explanation) => this with { State = state, Explanation = explanation };

    private Chain WithLast(Segment segment) => this with { Segments = [.. Segments.SkipLast(1), segment] };
}

/// <summary>How a chain stands.</summary>
internal enum ChainState
{
    /// <summary>A segment waits or runs.</summary>
    Active,

    /// <summary>The run is complete.</summary>
    Completed,

    /// <summary>Every segment that was asked for is used; the run goes on with <c>submit --resume</c>.</summary>
    Exhausted,

    /// <summary>A segment gained no step, so that another one would not either.</summary>
    Stalled,

    /// <summary>Somebody cancelled it.</summary>
    Cancelled,

    /// <summary>Training failed, or SLURM took no further job.</summary>
    Failed,
}

/// <summary>How a segment ended.</summary>
/// <param name="ExitCode">Training's exit code; 128 and the signal's number where one killed it.</param>
/// <param name="Signal">The first signal that SLURM sent: <c>USR1</c>, <c>TERM</c>, or null.</param>
/// <param name="Steps">Steps in the run's newest checkpoint.</param>
/// <param name="Failure">What the run says went wrong in it, or null.</param>
/// <param name="Preparing">
/// Whether the run has no checkpoint yet: its cohort is made, its latents are computed, or another is trained first.
/// </param>
internal sealed record SegmentEnd(int ExitCode, string? Signal, long Steps, string? Failure = null, bool Preparing = false);
