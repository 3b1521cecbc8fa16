using System.CommandLine;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>train EXP</c>: trains an experiment into a run folder, or continues one.</summary>
internal sealed class TrainVerb : ExperimentVerb
{
    private readonly Option<string?> _run;
    private readonly Option<bool> _resume, _changed, _dry;
    private readonly StartOptions _start = new();

    public TrainVerb()
        : base("train", "Trains an experiment into a run folder")
    {
        _run = With(RunArguments.Folder());
        _resume = With(new Option<bool>("--resume")
        {
            Description = "Continue the run of --run, or the experiment's newest, from its latest checkpoint",
        });
        _changed = With(new Option<bool>("--allow-changed-data")
        {
            Description = "With --resume: go on although patients were added, removed or changed",
        });
        With(CommonOptions.AllowChangedPlugin);
        foreach (var option in _start.All)
            Options.Add(option);
        _dry = With(RunArguments.DryRun());
        WithValues("training.epochs=10");
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        if (parse.GetValue(_changed) && !parse.GetValue(_resume))
            throw new UsageException(
                $"{_changed.Name} goes with {_resume.Name}: a run that begins has recorded no data yet that could have changed");
        if (parse.GetValue(_resume) && _start.IsGiven(parse))
            throw new UsageException(
                $"--from goes with a run that begins, and {_resume.Name} goes on with one that has its weights; leave out one of the two");
        using var session = new Session(parse, Collective);
        var (experiment, resumed) = parse.GetValue(_resume)
            ? Resumed(parse, session)
            : (Load(parse, session, _start.Sets(parse)), (RunFolder?)null);
        if (parse.GetValue(_dry))
        {
            RunArguments.Tell(
                resumed is null ? experiment.Rehearse(parse.GetValue(_run)) : experiment.Rehearse(resumed, parse.GetValue(_changed)));
            return ExitCode.Done;
        }

        var (run, status) = resumed is null
            ? experiment.Train(parse.GetValue(_run), cancellation)
            : new TrainedRun(resumed, experiment.Resume(resumed, parse.GetValue(_changed), cancellation));
        RunArguments.Tell(run, status, resumed is null ? null : experiment.TwiceAsLong(status));
        return RunArguments.ExitCodeOf(experiment.Plan, status);
    }

    /// <summary>
    /// Goes on with a run by its own experiment, so that it goes on as it began; <c>--set</c> may still change what
    /// <see cref="Engine.Plans.ResumeRules"/> lets it.
    /// </summary>
    private (Experiment Experiment, RunFolder? Run) Resumed(ParseResult parse, Session session)
    {
        var id = ExperimentLoader.IdOf(Named(parse), session.Registry.Catalogue);
        var path = parse.GetValue(_run) ?? RunFolders.Newest(id);
        if (RunFolder.HasNotBegun(path))
            return (Load(parse, session), RunFolder.Join(path));

        var run = RunFolder.Open(path);
        var named = new ResumedExperiment(
            session,
            run,
            ExperimentFolder.Resolve(Named(parse), session.Registry.Catalogue),
            parse.GetValue(CommonOptions.Profile));
        var (file, origin) = named.Read(CommonOptions.Sets(parse), sentence =>
        {
            if (Collective.IsFirst())
                ConsoleObserver.Warn(sentence);
        });
        return (ExperimentLoader.Load(session, run, file, origin), run);
    }
}
