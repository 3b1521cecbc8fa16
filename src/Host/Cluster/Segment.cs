namespace VoxelZoo.Host.Cluster;

/// <summary>One job of a chain, from its submission to its end.</summary>
internal sealed record Segment
{
    /// <summary>Counts the segments from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>SLURM's number of the job. A job that SLURM starts over is two segments with one number.</summary>
    public required string Job { get; init; }

    /// <summary>Why there is this segment.</summary>
    public required SegmentReason Reason { get; init; }

    /// <summary>When it was submitted.</summary>
    public required DateTimeOffset Submitted { get; init; }

    /// <summary>When it began, or null.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When it ended, or was found to have ended; or null.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>How training ended, or null where it could not say.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The first signal that SLURM sent: <c>USR1</c>, <c>TERM</c>, or null.</summary>
    public string? Signal { get; init; }

    /// <summary>Steps in the run's newest checkpoint when it began.</summary>
    public long StepsBefore { get; init; }

    /// <summary>Steps in the run's newest checkpoint when it ended.</summary>
    public long? StepsAfter { get; init; }

    /// <summary>Steps that it adds to the run, or null before its end.</summary>
    public long? StepsGained => StepsAfter - StepsBefore;
}

/// <summary>Why a segment was started.</summary>
internal enum SegmentReason
{
    /// <summary>Somebody asked for it.</summary>
    Submitted,

    /// <summary>The segment before it ran out of time.</summary>
    TimeLimit,

    /// <summary>The training of the segment before it was killed, after it had gained steps.</summary>
    Killed,

    /// <summary>SLURM started the job over: its node failed, it was preempted, or an operator asked for it.</summary>
    Requeued,
}
