using System.CommandLine;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Data;

/// <summary>
/// <c>data prepare EXP --out DIR</c>: computes an experiment's latents in advance, for runs that name the folder in <c>data.latents</c>.
/// </summary>
internal sealed class DataPrepareVerb : ExperimentVerb
{
    private readonly Option<string> _out;

    public DataPrepareVerb()
        : base("prepare", "Computes an experiment's latents in advance, for several runs to share")
    {
        _out = With(new Option<string>("--out")
        {
            Description = "The latents' folder, for --set data.latents=DIR",
            HelpName = "DIR",
            Required = true,
        });
        WithValues("data.cohort=DIR");
        With(CommonOptions.AllowChangedPlugin);
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var id = Named(parse);
        if (Load(parse, session) is not DiffusionExperiment { Plan.Space.KeepsLatents: true } experiment)
            throw new UsageException(
                $"{id} diffuses no latents of a learned compressor, so there is nothing to prepare; train it as it is");
        if (experiment.Plan.Data.Synthesize is not null)
            throw new UsageException(
                $"{id} makes its cohort in the run's own folder, so its latents cannot be shared; "
                + "name one with --set data.synthesize=null --set data.cohort=DIR");
        experiment.CheckTrainable();
        OutFolder.Require(parse.GetRequiredValue(_out));
        var folder = Path.GetFullPath(parse.GetRequiredValue(_out));
        if (LatentCache.WhyForeign(folder) is { } why)
            throw new UsageException($"--out {parse.GetRequiredValue(_out)}: {why}; name a new folder");
        var latents = experiment.PrepareLatents(folder, cancellation);
        Output.Line($"{Places.Shown(folder)}: latents of {latents} volumes; use them with --set data.latents={Places.Shown(folder)}");
        return ExitCode.Done;
    }
}
