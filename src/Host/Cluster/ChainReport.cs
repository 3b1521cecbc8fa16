using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Host.Cluster;

/// <summary>A chain beside what SLURM and the run say, for <c>submit status</c>.</summary>
/// <param name="Chain">The chain.</param>
/// <param name="JobState">What SLURM says of the last job, or null where it knows it no longer.</param>
/// <param name="Run">The run's status, or null where there is no run yet.</param>
internal sealed record ChainReport(Chain Chain, string? JobState, RunStatus? Run)
{
    private Segment Last => Chain.Segments[^1];

    /// <summary>Whether the job was stopped and waits to be started over, as one that was preempted does.</summary>
    private bool Waits => Chain.State == ChainState.Cancelled && JobState?.StartsWith("PENDING", StringComparison.Ordinal) == true;

    /// <summary>Whether the job is over and could not say so.</summary>
    private bool IsLost => Chain.State == ChainState.Active && Last.Ended is null && !Slurm.IsAlive(JobState);

    /// <summary>
    /// How the run stands. Where its job runs, on a machine whose locks are perhaps not seen from here, SLURM knows better than the lock.
    /// </summary>
    public RunStatus? Standing =>
        Run is { Status: RunState.Interrupted } && JobState?.Split(' ')[0] is "RUNNING" or "COMPLETING"
            ? Run with { Status = RunState.Running }
            : Run;

    /// <summary>Why the chain stands as it does, or null where there is nothing to say.</summary>
    public string? Explanation => Chain.Explanation switch
    {
        { } why when Waits => $"{why}; SLURM is to start job {Last.Job} over",
        null when IsLost => $"job {Last.Job} ended ({JobState ?? "SLURM knows it no longer"}) without saying why; "
            + $"go on with `voxelzoo submit {Chain.Experiment} --resume --run {Shell.Quote(Chain.Run)}`",
        var why => why,
    };

    /// <summary>What became of a segment.</summary>
    public string StateOf(Segment segment) => segment switch
    {
        { Ended: null } => JobState ?? "unknown",
        { ExitCode: null } => "lost",
        { ExitCode: 0 } => "done",
        { ExitCode: 3 } => segment.Signal == "TERM" ? "cancelled" : "stopped in time",
        _ => $"exit code {segment.ExitCode}",
    };
}
