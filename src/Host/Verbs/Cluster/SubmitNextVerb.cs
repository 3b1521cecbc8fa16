using System.CommandLine;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Cluster;

/// <summary>
/// <c>submit next RUN</c>, which the job script calls when training ended: submits the next segment where there is to be one.
/// </summary>
internal sealed class SubmitNextVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<int> _code;
    private readonly Option<string> _signal;

    public SubmitNextVerb()
        : base("next", "Called by the job script when its training ended")
    {
        _run = With(RunArguments.Run());
        _code = With(new Option<int>("--code") { Description = "Exit code of training", HelpName = "N", Required = true });
        _signal = With(new Option<string>("--signal")
        {
            Description = "The first signal that came: USR1, TERM or none",
            HelpName = "NAME",
            Required = true,
        });
        Hidden = true;
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var folder = new ChainFolder(parse.GetRequiredValue(_run));
        var job = Slurm.CurrentJob ?? throw new UsageException("submit next is called by job scripts; SLURM_JOB_ID is not set");
        var signal = parse.GetRequiredValue(_signal);
        var status = RunProgress.Status(folder.Run);
        var end = new SegmentEnd(
            parse.GetValue(_code),
            signal == "none" ? null : signal,
            RunProgress.Steps(folder.Run),
            status is { Status: RunState.Diverged or RunState.Failed } ? status.LastError : null,
            !RunFolder.Join(folder.Run).HasCheckpoints);
        var chain = folder.Await(job).Ended(end, TimeProvider.System.GetUtcNow());
        if (chain.State == ChainState.Active)
            chain = Successor(folder, chain, job);
        folder.Write(chain);
        Output.Line(chain.Explanation ?? $"job {chain.Segments[^1].Job} goes on");
        return chain.State switch
        {
            ChainState.Active or ChainState.Completed or ChainState.Exhausted => ExitCode.Done,
            ChainState.Cancelled => ExitCode.Stopped,
            _ => ExitCode.Failed,
        };
    }

    /// <summary>Submits the next segment, to begin when this job is over, so that no two ever write the same run.</summary>
    private static Chain Successor(ChainFolder folder, Chain chain, string job)
    {
        try
        {
            return chain.Submitted(Slurm.Submit(folder.Script, after: job), chain.Succession, TimeProvider.System.GetUtcNow());
        }
        catch (UsageException e)
        {
            return chain.Over(ChainState.Failed, e.Message);
        }
    }
}
