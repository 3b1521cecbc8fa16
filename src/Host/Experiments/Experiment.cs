using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console.Rendering;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Experiments;

/// <summary>An experiment as the command line names it: its resolved file and its plan, and how its kind does what the verbs do.</summary>
/// <param name="file">The resolved file.</param>
internal abstract class Experiment(MapNode file)
{
    /// <summary>The resolved file.</summary>
    public MapNode File { get; } = file;

    /// <summary>What all kinds have in common of the plan.</summary>
    public abstract Plan Plan { get; }

    /// <summary>The plan, described for programs.</summary>
    public abstract JsonNode Json { get; }

    /// <summary>The plan, described for people.</summary>
    public abstract IRenderable Facts { get; }

    /// <summary>Loads the experiment that <paramref name="idOrPath"/> names, with the command line's profile and values over it.</summary>
    public static Experiment Load(ParseResult parse, Session session, string idOrPath)
    {
        var (path, sets, profile) = (ExperimentFolder.Resolve(idOrPath), CommonOptions.Sets(parse), parse.GetValue(CommonOptions.Profile));
        return Load(session, ExperimentFile.Load(path, sets, profile, PlanReader.EngineRecords)).From(ExperimentOrigin.Of(path, profile, sets));
    }

    /// <summary>How the command line named it, or null where it did not, or nobody knows.</summary>
    public ExperimentOrigin? Origin { get; private set; }

    /// <summary>Keeps how the command line named it.</summary>
    public Experiment From(ExperimentOrigin? origin)
    {
        Origin = origin;
        return this;
    }

    /// <summary>Loads the experiment of a run, with values over it.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="run">The run.</param>
    /// <param name="sets">The values.</param>
    public static Experiment Load(Session session, RunFolder run, params Assignment[] sets) =>
        Load(session, run, ExperimentFile.Load(run.Experiment, sets, null, PlanReader.EngineRecords));

    /// <summary>Loads a run's resolved experiment, with the place of its cohort where that was moved with the run.</summary>
    public static Experiment Load(Session session, RunFolder run, MapNode file)
    {
        var experiment = Load(session, file);
        if (file.Locate("data.cohort").IsOption || Provenance.FindMoved(run, experiment.Plan) is not { } moved)
            return experiment;
        EvaluationStep.Warn($"the run's cohort is no longer what was at {experiment.Plan.Data.Cohort}; it is taken from {moved}, which holds what the run was trained on");
        return Load(session, Cohorts.At(file, moved));
    }

    /// <summary>The id of the experiment that <paramref name="idOrPath"/> names, whether or not the rest of its file could be used.</summary>
    public static string IdOf(string idOrPath) =>
        SectionReader.Id(ExperimentFile.Load(ExperimentFolder.Resolve(idOrPath), engineRecords: PlanReader.EngineRecords));

    /// <summary>The plan of a resolved experiment.</summary>
    public static Plan ReadPlan(PartRegistry registry, MapNode file) =>
        CompressionPlanReader.Reads(file) ? new CompressionPlanReader(registry).Read(file) : new PlanReader(registry).Read(file);

    /// <summary>Loads a resolved experiment.</summary>
    public static Experiment Load(Session session, MapNode file) =>
        CompressionPlanReader.Reads(file) ? CompressorExperiment.Read(session, file) : DiffusionExperiment.Read(session, file);

    /// <summary>What the user should know before it is trained, one sentence each.</summary>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <summary>The value of <c>--set</c> that lets it train for twice as long as it has, or was to.</summary>
    /// <param name="status">How far it is.</param>
    public virtual string TwiceAsLong(RunStatus status) => FormattableString.Invariant($"training.epochs={2 * Math.Max(Plan.Training.Epochs, status.Epoch)}");

    /// <summary>What training is estimated to take.</summary>
    public abstract MemoryEstimate Memory { get; }

    /// <summary>Refuses what can be described and not be trained; before anything is made or read.</summary>
    /// <exception cref="ConfigurationException">It cannot be trained.</exception>
    public abstract void CheckTrainable();

    /// <summary>Refuses a number of processes that cannot train it together; before anything is made or read.</summary>
    /// <exception cref="ConfigurationException">They cannot.</exception>
    public void CheckProcesses(int processes) => SectionReader.Checked(File, () =>
    {
        RefuseProcesses(processes);
        return Plan;
    });

    /// <exception cref="PlanRefusedException">So many processes cannot train it together.</exception>
    protected virtual void RefuseProcesses(int processes) => BatchSplit.Require(Plan.Training, processes);

    /// <summary>Refuses a cohort that could be trained on, but not sampled from or evaluated with afterwards.</summary>
    /// <exception cref="PlanRefusedException">A split is empty, or its volumes do not fit.</exception>
    public abstract void CheckCohort(Cohort cohort, PartContext context);

    /// <summary>Takes over what the run uses of other runs, or trains it first; does nothing where that was done before. Of several processes, the first does it alone.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before it was done; the run can be resumed.</exception>
    public virtual void Borrow(Session session, Cohort cohort, RunFolder run, CancellationToken cancellation)
    {
    }

    /// <summary>Refuses a run that goes on where <see cref="Borrow"/> would; takes nothing.</summary>
    public virtual void CheckBorrowed(Session session, RunFolder run)
    {
    }

    /// <summary>Builds what trains it.</summary>
    /// <param name="cohort">The volumes.</param>
    /// <param name="run">Where everything is left.</param>
    /// <param name="context">What the parts are given.</param>
    /// <param name="collective">The processes that train it together.</param>
    /// <param name="observer">Is told how it goes.</param>
    /// <param name="cancellation">Ends the preparations.</param>
    /// <exception cref="PlanRefusedException">It cannot be trained.</exception>
    public abstract Trainer Trainer(Cohort cohort, RunFolder run, PartContext context, ICollective collective, TrainingObserver observer, CancellationToken cancellation);

    /// <summary>Writes samples of a run's best checkpoint.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="run">The run.</param>
    /// <param name="folder">Where to; the run's <c>samples</c> folder where it is null.</param>
    /// <param name="numbers">Which numbers they take.</param>
    /// <param name="cancellation">Ends it as soon as may be; finished samples stay.</param>
    public abstract void Sample(Session session, RunFolder run, string? folder, SampleNumbers numbers, CancellationToken cancellation);

    /// <summary>Evaluates a run's best checkpoint into its <c>evaluation.json</c>.</summary>
    public abstract EvaluationOutcome Evaluate(Session session, RunFolder run, CancellationToken cancellation);

    /// <summary>Writes a run's <c>report.md</c> from what lies in its folder.</summary>
    public abstract void Report(RunFolder run);
}

/// <summary>An evaluation, for programs and for people.</summary>
/// <param name="Json">What <c>evaluation.json</c> holds.</param>
/// <param name="Table">The same as a table.</param>
internal sealed record EvaluationOutcome(JsonNode Json, IRenderable Table);
