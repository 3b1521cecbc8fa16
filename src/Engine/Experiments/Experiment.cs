using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// An experiment, and all that is done with one: it is trained into a run's folder, and the run is sampled from, evaluated and reported on.
/// What cannot be is refused with a <see cref="PlanException"/>, or with what <see cref="ExperimentSource.Place"/> makes of it.
/// </summary>
public abstract class Experiment
{
    private protected Experiment(ExperimentContext context, ExperimentSource source) =>
        (Context, Source, Cohorts) = (context, source, new Cohorts(context));

    /// <summary>What it was given by the program.</summary>
    public ExperimentContext Context { get; }

    /// <summary>What it was read from.</summary>
    public ExperimentSource Source { get; }

    /// <summary>What all kinds have in common of the plan.</summary>
    public abstract Plan Plan { get; }

    /// <summary>The plan, described for programs: <c>description.json</c>.</summary>
    public abstract JsonNode Json { get; }

    /// <summary>What a report of many runs tells of the plan: <c>plan.json</c>.</summary>
    internal abstract PlanFacts Facts { get; }

    /// <summary>What training is estimated to take.</summary>
    public abstract MemoryEstimate Memory { get; }

    /// <summary>What the user should know before it is trained, one sentence each.</summary>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <summary>
    /// Says which metrics an evaluation does without, once nothing is left to refuse; of several processes the first says it for all.
    /// </summary>
    internal void TellLeftOut()
    {
        if (Plan.LeftOut.Count > 0 && Context.Collective.IsFirst())
            Context.Observer.Warned(OptionalMetrics.Sentence(Plan.LeftOut));
    }

    /// <summary>Opens cohorts.</summary>
    internal Cohorts Cohorts { get; }

    /// <summary>The value of <c>--set</c> that lets it train for twice as long as it has, or was to.</summary>
    /// <param name="status">How far it is.</param>
    public virtual string TwiceAsLong(RunStatus status) =>
        FormattableString.Invariant($"training.epochs={2 * Math.Max(Plan.Training.Epochs, status.Epoch)}");

    /// <summary>Refuses a number of processes that cannot train it together; before anything is made or read.</summary>
    public void CheckProcesses(int processes) => Placed(() => RefuseProcesses(processes));

    /// <summary>Why it cannot be trained in the memory that there is, or null where it can.</summary>
    public string? WhyTooLarge() => Placed(() =>
    {
        using var random = ExperimentContext.Random(Plan);
        return new RunTraining(this, false).WhyTooLarge(Context.PartsOf(Plan, random));
    });

    /// <summary>Refuses what can be described and not be trained; before anything is made or read.</summary>
    public void CheckTrainable() => Placed(() => RefuseUntrainable(resumed: null));

    /// <summary>The cohort that it names, or else the one that was made for its run.</summary>
    /// <param name="run">The run, or null.</param>
    public Cohort OpenCohort(RunFolder? run = null) => Placed(() => Cohorts.Open(Plan, run));

    /// <summary>Trains it into a new run's folder. What is refused before its first step leaves no folder behind.</summary>
    /// <param name="folder">Where the run is to be, or null for the next free one of <c>runs</c>.</param>
    /// <param name="cancellation">Ends it after the step under way; it can be resumed then.</param>
    public TrainedRun Train(string? folder = null, CancellationToken cancellation = default) =>
        Placed(() => new RunTraining(this, false).Start(folder, cancellation));

    /// <summary>Continues a run from its latest checkpoint that verifies, or from what it had done before its first one.</summary>
    /// <param name="run">The run.</param>
    /// <param name="allowChangedData">Whether it may go on with other data than it recorded.</param>
    /// <param name="cancellation">Ends it after the step under way.</param>
    public RunStatus Resume(RunFolder run, bool allowChangedData = false, CancellationToken cancellation = default) =>
        Placed(() => new RunTraining(this, allowChangedData).Resume(run, cancellation));

    /// <summary>
    /// Checks plan, data, memory and disk as <see cref="Train"/> would, and says what would be done; nothing is made or written.
    /// </summary>
    /// <param name="folder">Where the run is to be, or null for the next free one of <c>runs</c>.</param>
    public Rehearsal Rehearse(string? folder = null) =>
        Placed(() => new RunRehearsal(this, false).Check(folder ?? RunFolders.New(Plan.Id), null));

    /// <summary>The same of <see cref="Resume"/>.</summary>
    /// <param name="run">The run.</param>
    /// <param name="allowChangedData">Whether it may go on with other data than it recorded.</param>
    public Rehearsal Rehearse(RunFolder run, bool allowChangedData = false) =>
        Placed(() => new RunRehearsal(this, allowChangedData).Check(run.Path, run));

    /// <summary>Trains it for some steps in a folder that goes again, and says how long they take and on what.</summary>
    /// <param name="steps">How many are measured at least, 1 or more.</param>
    /// <param name="samples">How many volumes are generated afterwards, and timed; a compressor generates none.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended before it had measured.</exception>
    public Benchmark Measure(int steps, int samples = 0, CancellationToken cancellation = default) =>
        Placed(() => new TrainingBenchmark(this).Run(steps, samples, cancellation));

    /// <summary>Writes samples of one of a run's checkpoints, the best one where no other is named.</summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">Where to; the run's <c>samples</c> folder where it is null.</param>
    /// <param name="numbers">Which numbers they take.</param>
    /// <param name="cancellation">Ends it as soon as may be; finished samples stay.</param>
    /// <param name="checkpoint">The name of the checkpoint.</param>
    public abstract IReadOnlyList<WrittenSample> Sample(
        RunFolder run, string? folder = null, SampleNumbers numbers = SampleNumbers.Continue, CancellationToken cancellation = default,
        string checkpoint = EvaluatedOptions.Best);

    /// <summary>
    /// Makes one volume of a run's best checkpoint: the first sample, or where a compressor was trained what it makes of a ball. On every
    /// machine it is the same but for rounding.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="folder">Where a sample is written to.</param>
    public abstract TrialVolume Try(RunFolder run, string folder);

    /// <summary>Evaluates a run's checkpoints into its <c>evaluation.json</c>.</summary>
    /// <returns>What the file holds, an <see cref="EvaluationFile{TResult}"/>.</returns>
    public abstract EvaluationFile Evaluate(RunFolder run, CancellationToken cancellation = default);

    /// <summary>
    /// Refuses a cohort by which an animal of this experiment could not be sampled or evaluated, before it is unpacked into a run.
    /// </summary>
    /// <param name="evaluates">Whether it is to be evaluated; else sampled.</param>
    public void CheckAnimal(bool evaluates) => Placed(() =>
    {
        using var random = ExperimentContext.Random(Plan);
        CheckAnimal(evaluates, Context.PartsOf(Plan, random));
    });

    /// <summary>Writes a run's <c>report.md</c> from what lies in its folder.</summary>
    public abstract void Report(RunFolder run);

    /// <summary>The same experiment, trained in another way.</summary>
    internal abstract Experiment Trained(TrainingOptions training);

    /// <exception cref="PlanException">So many processes cannot train it together.</exception>
    internal virtual void RefuseProcesses(int processes) => BatchSplit.Require(Plan.Training, processes);

    /// <param name="resumed">The run that is to go on, which has what it took over; null for a new one.</param>
    /// <exception cref="PlanException">It can be described, and not be trained.</exception>
    internal abstract void RefuseUntrainable(RunFolder? resumed);

    /// <summary>Refuses a cohort that could be trained on, but not sampled from or evaluated with afterwards.</summary>
    /// <exception cref="PlanException">A split is empty, or its volumes do not fit.</exception>
    internal abstract void CheckCohort(Cohort cohort, PartContext parts);

    internal abstract void CheckAnimal(bool evaluates, PartContext parts);

    /// <summary>
    /// Takes over what the run uses of other runs, or trains it first; does nothing where that was done before. Of several processes, the
    /// first does it alone.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped before it was done; the run can be resumed.</exception>
    internal virtual void Borrow(Cohort cohort, RunFolder run, bool allowChangedData, CancellationToken cancellation)
    {
    }

    /// <summary>Refuses a run that goes on where <see cref="Borrow"/> would; takes nothing.</summary>
    internal virtual void CheckBorrowed(RunFolder run)
    {
    }

    /// <summary>Generates volumes of weights that nothing trained, which takes as long as with others.</summary>
    /// <param name="cohort">The volumes that they are conditioned on.</param>
    /// <param name="run">Where its frozen parts are.</param>
    /// <param name="parts">What the parts are given.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The seconds of each; empty where there is nothing to generate.</returns>
    internal virtual IReadOnlyList<double> TimeSamples(
        Cohort cohort, RunFolder run, PartContext parts, int count, CancellationToken cancellation) => [];

    /// <summary>Builds what trains it.</summary>
    /// <param name="cohort">The volumes.</param>
    /// <param name="run">Where everything is left.</param>
    /// <param name="parts">What the parts are given.</param>
    /// <param name="observer">Is told how it goes.</param>
    /// <param name="cancellation">Ends the preparations.</param>
    internal abstract Trainer CreateTrainer(
        Cohort cohort, RunFolder run, PartContext parts, TrainingObserver observer, CancellationToken cancellation);

    /// <summary>Where an experiment says what is wrong with it: each use case is done in here.</summary>
    private protected T Placed<T>(Func<T> useCase) => Placed(Source, useCase);

    private protected void Placed(Action useCase) => Placed<object?>(() =>
    {
        useCase();
        return null;
    });

    private protected static T Placed<T>(ExperimentSource source, Func<T> useCase)
    {
        try
        {
            return useCase();
        }
        catch (PlanException e) when (source.PlaceOf(e) is { } placed)
        {
            throw placed;
        }
    }

    /// <summary>What a run's status says of an exception that ended it.</summary>
    internal Exception Placed(Exception error) => error is PlanException refusal ? Source.PlaceOf(refusal) ?? error : error;
}

/// <summary>A training that ended, and where.</summary>
/// <param name="Run">The run.</param>
/// <param name="Status">How it ended: completed, or stopped and ready to be resumed.</param>
public sealed record TrainedRun(RunFolder Run, RunStatus Status);

/// <summary>A sample that was written.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Facts">What is of interest, for people.</param>
public sealed record WrittenSample(string Folder, string Facts);

/// <summary>A volume that was made to see whether it can be, and what it is like.</summary>
/// <param name="Of">What was done, in words.</param>
/// <param name="Blocks">Means of its first channel in 4×4×4 blocks, depth first.</param>
/// <param name="Picture">A picture of it, or null where there is none.</param>
public sealed record TrialVolume(string Of, IReadOnlyList<double> Blocks, string? Picture)
{
    private const int Edge = 4;

    /// <summary>Means in blocks, to four digits after the point.</summary>
    /// <param name="volume"><c>[D, H, W]</c>.</param>
    internal static IReadOnlyList<double> BlocksOf(TorchSharp.torch.Tensor volume)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var blocks = TorchSharp.torch.nn.functional.adaptive_avg_pool3d(volume.unsqueeze(0).unsqueeze(0), [Edge, Edge, Edge]);
        return [.. blocks.flatten().cpu().data<float>().Select(mean => Math.Round(mean, 4))];
    }
}

/// <summary>What would be done.</summary>
/// <param name="Intent">One sentence that says what, and where.</param>
/// <param name="Facts">What was found of data, memory and disk, a sentence each.</param>
public sealed record Rehearsal(string Intent, IReadOnlyList<string> Facts);
