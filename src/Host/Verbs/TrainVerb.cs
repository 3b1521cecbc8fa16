using System.CommandLine;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>train EXP</c>: trains an experiment into a run folder, or continues one.</summary>
internal sealed class TrainVerb : Verb
{
    private readonly Argument<string> _experiment;
    private readonly Option<string?> _run;
    private readonly Option<bool> _resume, _changed, _dry;

    public TrainVerb()
        : base("train", "Trains an experiment into a run folder")
    {
        _experiment = With(RunArguments.Experiment());
        _run = With(RunArguments.Folder());
        _resume = With(new Option<bool>("--resume") { Description = "Continue the run of --run, or the experiment's newest, from its latest checkpoint" });
        _changed = With(new Option<bool>("--allow-changed-data") { Description = "With --resume: go on although patients were added, removed or changed" });
        _dry = With(RunArguments.DryRun());
        With(CommonOptions.Set("training.epochs=10"));
        With(CommonOptions.Profile);
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        if (parse.GetValue(_changed) && !parse.GetValue(_resume))
            throw new UsageException($"{_changed.Name} goes with {_resume.Name}: a run that begins has recorded no data yet that could have changed");
        using var session = new Session(parse, Collective) { AllowsChangedData = parse.GetValue(_changed) };
        if (parse.GetValue(_dry))
        {
            DryRun(parse, session);
            return ExitCode.Done;
        }

        var (experiment, run, status) = parse.GetValue(_resume) ? Resume(parse, session, cancellation) : Start(parse, session, cancellation);
        RunArguments.Tell(run, status, parse.GetValue(_resume) ? experiment.TwiceAsLong(status) : null);
        return TrainingStep.ExitCodeOf(experiment.Plan, status);
    }

    private (Experiment Experiment, RunFolder Run, RunStatus Status) Start(ParseResult parse, Session session, CancellationToken cancellation)
    {
        var experiment = Experiment.Load(parse, session, parse.GetRequiredValue(_experiment));
        var (run, status) = TrainingStep.Start(session, experiment, parse.GetValue(_run), cancellation);
        return (experiment, run, status);
    }

    private void DryRun(ParseResult parse, Session session)
    {
        if (parse.GetValue(_resume))
        {
            var (experiment, run) = Resumed(parse, session);
            TrialStep.Check(session, experiment, run.Path, run);
        }
        else
        {
            TrialStep.Check(session, Experiment.Load(parse, session, parse.GetRequiredValue(_experiment)), parse.GetValue(_run));
        }
    }

    private (Experiment Experiment, RunFolder Run, RunStatus Status) Resume(ParseResult parse, Session session, CancellationToken cancellation)
    {
        var (experiment, run) = Resumed(parse, session);
        return (experiment, run, TrainingStep.Resume(session, experiment, run, cancellation));
    }

    /// <summary>Goes on with a run by its own experiment, so that it goes on as it began; <c>--set</c> may still change what <see cref="Engine.Plans.ResumeRules"/> lets it.</summary>
    private (Experiment Experiment, RunFolder Run) Resumed(ParseResult parse, Session session)
    {
        var id = Experiment.IdOf(parse.GetRequiredValue(_experiment));
        var path = parse.GetValue(_run) ?? RunFolders.Newest(id);
        if (RunFolder.HasNotBegun(path))
            return (Experiment.Load(parse, session, parse.GetRequiredValue(_experiment)), RunFolder.Join(path));

        var run = RunFolder.Open(path);
        var named = new ResumedExperiment(session.Registry, run, ExperimentFolder.Resolve(parse.GetRequiredValue(_experiment)), parse.GetValue(CommonOptions.Profile));
        var (file, origin) = named.Read(CommonOptions.Sets(parse), sentence =>
        {
            if (session.Collective.IsFirst())
                EvaluationStep.Warn(sentence);
        });
        var experiment = Experiment.Load(session, run, file);
        // a cohort that was found elsewhere stays there
        return (experiment.From(experiment.File == file ? origin : origin?.Continued([], experiment.File)), run);
    }
}
