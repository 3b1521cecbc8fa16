using System.CommandLine;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Cluster;

/// <summary><c>submit begin RUN</c>, which the job script calls: notes that a segment began. Any exit code but 0 ends the job.</summary>
internal sealed class SubmitBeginVerb : Verb
{
    private readonly Argument<string> _run;

    public SubmitBeginVerb()
        : base("begin", "Called by the job script when a job begins")
    {
        _run = With(RunArguments.Run());
        Hidden = true;
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var folder = new ChainFolder(parse.GetRequiredValue(_run));
        var job = Slurm.CurrentJob ?? throw new UsageException("submit begin is called by job scripts; SLURM_JOB_ID is not set");
        var chain = folder.Await(job).Begun(RunProgress.Steps(folder.Run), TimeProvider.System.GetUtcNow());
        folder.Write(chain);
        if (chain.State == ChainState.Active)
            return ExitCode.Done;
        Console.Error.WriteLine(chain.Explanation);
        return ExitCode.Failed;
    }
}
