using System.CommandLine;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>train EXP</c>: trains an experiment into a run folder, or continues one.</summary>
internal sealed class TrainVerb : Verb
{
    private readonly Argument<string> _experiment;
    private readonly Option<string?> _run;
    private readonly Option<bool> _resume;

    public TrainVerb()
        : base("train", "Trains an experiment into a run folder")
    {
        _experiment = With(RunArguments.Experiment());
        _run = With(RunArguments.Folder());
        _resume = With(new Option<bool>("--resume") { Description = "Continue the run of --run, or the experiment's newest, from its latest checkpoint" });
        With(CommonOptions.Set);
        With(CommonOptions.Profile);
    }

    public override bool StopsInOrder => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse);
        var experiment = Experiment.Load(parse, session, parse.GetRequiredValue(_experiment));
        var folder = parse.GetValue(_run);
        RunFolder run;
        RunStatus status;
        if (parse.GetValue(_resume))
        {
            run = folder is null ? RunFolders.Newest(experiment.Plan.Id) : RunFolder.Open(folder);
            // the run's own experiment, so that it goes on as it began; --set may still extend it
            var own = Experiment.Load(session, run, parse.GetValue(CommonOptions.Set) ?? []);
            if (own.Plan.Id != experiment.Plan.Id)
                throw new UsageException($"--resume: {folder} is a run of {own.Plan.Id}, not of {experiment.Plan.Id}; name that experiment, or another folder with --run");
            experiment = own;
            status = TrainingStep.Resume(session, experiment, run, cancellation);
        }
        else
        {
            (run, status) = TrainingStep.Start(session, experiment, folder ?? RunFolders.New(experiment.Plan.Id), cancellation);
        }

        RunArguments.Tell(run, status);
        return TrainingStep.ExitCodeOf(experiment.Plan, status);
    }
}
