using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Host.Cluster;

/// <summary>A chain beside what SLURM and the run say, for <c>submit status</c>.</summary>
/// <param name="Chain">The chain.</param>
/// <param name="JobState">What SLURM says of a last job that did not say that it ended, or null where it knows it no longer.</param>
/// <param name="Run">The run's status, or null where there is no run yet.</param>
internal sealed record ChainReport(Chain Chain, string? JobState, RunStatus? Run)
{
    /// <summary>Why the chain stands as it does, or null where there is nothing to say.</summary>
    public string? Explanation => Chain.Explanation ?? (IsLost
        ? $"job {Chain.Segments[^1].Job} ended ({JobState ?? "SLURM knows it no longer"}) without saying so; its log may say why, and `voxelzoo submit {Chain.Experiment} --resume --run …` goes on"
        : null);

    /// <summary>What became of a segment.</summary>
    public string StateOf(Segment segment) => segment switch
    {
        { Ended: null } => JobState ?? "unknown",
        { ExitCode: null } => "lost",
        { ExitCode: 0 } => "done",
        { ExitCode: 3 } => segment.Signal == "TERM" ? "cancelled" : "stopped in time",
        _ => $"exit code {segment.ExitCode}",
    };

    private bool IsLost => Chain.State == ChainState.Active && Chain.Segments[^1].Ended is null && !Slurm.IsAlive(JobState);
}
