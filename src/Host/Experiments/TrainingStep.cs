using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Experiments;

/// <summary>Trains an experiment into a run folder.</summary>
internal static class TrainingStep
{
    /// <summary>What libtorch's kernels take for themselves on a CPU: the smallest network was killed in a control group that left it 207 MiB.</summary>
    private const long LibraryMemory = 256 << 20;

    /// <summary>Starts a run. What is refused before its first step leaves no folder behind.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="experiment">The experiment.</param>
    /// <param name="folder">Where the run is to be, or null for the next free one of <c>runs</c>.</param>
    /// <param name="cancellation">Ends it after the step under way.</param>
    public static (RunFolder Run, RunStatus Status) Start(Session session, Experiment experiment, string? folder, CancellationToken cancellation)
    {
        Check(session, experiment);
        using var random = session.Random(experiment.Plan);
        var context = session.Context(experiment.Plan, random); // refuses a device that is not there
        RefuseTooLarge(experiment, context, session.Collective.Size);
        foreach (var warning in experiment.Warnings)
            EvaluationStep.Warn(warning);
        var processes = session.Collective;
        var path = processes.FromFirst(() => RunFolder.Create(folder ?? RunFolders.New(experiment.Plan.Id)).Path);
        var run = RunFolder.Join(path);
        using var held = Lock(session, run);
        try
        {
            // before anything that takes time: whatever kills the process from here on, the run can be resumed
            processes.ByFirst(() => WriteExperiment(experiment, run));
            return (run, Train(session, experiment, run, context, resume: false, cancellation));
        }
        catch (Exception e) when (processes.IsFirst() && (run.ReadStatus() is null || (e is ConfigurationException && run.ReadStatus()!.Step == 0)))
        {
            // what was trained first, for this run, may have taken days
            if (Directory.Exists(Path.Combine(run.Path, BorrowedWeights.FirstFolder)))
                Stopped(experiment, run, context, e.Message);
            else
                Directory.Delete(run.Path, recursive: true);
            throw;
        }
    }

    /// <summary>Continues a run from its latest checkpoint that verifies, or from what it had done before its first one.</summary>
    public static RunStatus Resume(Session session, Experiment experiment, RunFolder run, CancellationToken cancellation)
    {
        Check(session, experiment);
        using var held = Lock(session, run);
        using var random = session.Random(experiment.Plan);
        var context = session.Context(experiment.Plan, random);
        RefuseTooLarge(experiment, context, session.Collective.Size);
        session.Collective.ByFirst(() =>
        {
            if (!File.Exists(run.Experiment))
                WriteExperiment(experiment, run);
        });
        return Train(session, experiment, run, context, resume: true, cancellation);
    }

    /// <summary>Refuses a plan whose tensors cannot fit into the memory that there is.</summary>
    internal static void RefuseTooLarge(Experiment experiment, PartContext context, int processes)
    {
        var training = experiment.Plan.Training;
        var memory = experiment.Memory with { Activations = experiment.Memory.Activations / processes }; // each computes its share of the batch
        var available = context.Device.type == DeviceType.CUDA ? MemoryStatistics.Accelerator(context.Device)?.Free : MemoryStatistics.Available;
        var own = context.Device.type == DeviceType.CUDA ? 0 : LibraryMemory;
        if (!training.CheckMemory || available is null || memory.Total + own <= available)
            return;
        var checkpointing = training.GradientCheckpointing || experiment.Memory.Activations is null ? "" : ", gradient_checkpointing: true";
        throw new UsageException(
            $"{DescriptionTable.Memory(memory)}{(own > 0 ? $", {ByteCount.Shown(own)} for libtorch itself," : "")} and {context.Device} has {ByteCount.Shown(available.Value)} left; "
                + $"use {(training.BatchSize > 1 ? $"a smaller batch_size than {training.BatchSize}" : "smaller volumes or a smaller network")}{checkpointing}, or check_memory: false to try all the same");
    }

    /// <summary>Of the processes that train together, the first one holds the run for all.</summary>
    private static IDisposable? Lock(Session session, RunFolder run) => session.Collective.IsFirst() ? run.Lock() : null;

    internal static void Check(Session session, Experiment experiment)
    {
        experiment.CheckProcesses(session.Collective.Size);
        experiment.CheckTrainable();
    }

    private static RunStatus Train(Session session, Experiment experiment, RunFolder run, PartContext context, bool resume, CancellationToken cancellation)
    {
        using var display = TrainingDisplay.ForConsole(experiment.Plan);
        using var trainer = Prepare(session, experiment, run, context, display, resume, cancellation);
        if (trainer is null)
            return session.Collective.IsFirst() ? Stopped(experiment, run, context) : StatusOf(experiment, run, context);
        try
        {
            return SectionReader.Checked(experiment.File, () => trainer.Run(resume, cancellation));
        }
        catch (Exception e)
        {
            trainer.Fail(e);
            throw;
        }
    }

    /// <summary>Refuses data that are not those that the run has recorded, or says where they are allowed how they differ.</summary>
    internal static IReadOnlyList<DataChange> CompareData(Session session, Experiment experiment, RunFolder run, Cohort cohort)
    {
        const string Remedy = "put back what was there, or go on with --allow-changed-data";
        var changes = SectionReader.Checked(experiment.File, () => Provenance.CompareData(run, experiment.Plan, cohort, session.AllowsChangedData, Remedy));
        foreach (var change in changes)
            EvaluationStep.Warn($"the run goes on with other data, {change}");
        return changes;
    }

    /// <summary>Does what comes before the first step; what was done of it before stays.</summary>
    /// <returns>What trains it, or null where the preparations were stopped.</returns>
    private static Trainer? Prepare(
        Session session, Experiment experiment, RunFolder run, PartContext context, TrainingObserver observer, bool resume, CancellationToken cancellation)
    {
        try
        {
            if (experiment.Plan.Data.Synthesize is { } synthesize)
                session.Collective.ByFirst(() => Cohorts.Synthesize(synthesize, run, cancellation));
            var cohort = SectionReader.Checked(experiment.File, () => Cohorts.Open(experiment.Plan, run));
            SectionReader.Checked(experiment.File, () => experiment.CheckCohort(cohort, context));
            if (resume)
                session.Collective.ByFirst(() => Provenance.RecordSegment(run, experiment.Plan, cohort, CompareData(session, experiment, run, cohort)));
            session.Collective.ByFirst(() => SectionReader.Checked(experiment.File, () => experiment.Borrow(session, cohort, run, cancellation)));
            var trainer = SectionReader.Checked(experiment.File, () => experiment.Trainer(cohort, run, context, session.Collective, observer, cancellation));
            session.Collective.ByFirst(() =>
            {
                WriteExperiment(experiment, run);
                if (!resume || !File.Exists(run.Provenance))
                    AtomicFile.WriteJson(run.Provenance, Provenance.Collect(experiment.Plan, cohort) with { Cohort = CohortPlace.Of(run, cohort) });
            });
            return trainer;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested || session.Collective.Size > 1)
        {
            return null;
        }
    }

    /// <summary>Leaves a run that has not begun itself so that it can be resumed.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="run">The run.</param>
    /// <param name="context">Has the clock.</param>
    /// <param name="error">What went wrong, or null where a signal stopped it.</param>
    private static RunStatus Stopped(Experiment experiment, RunFolder run, PartContext context, string? error = null)
    {
        var status = StatusOf(experiment, run, context) with { Status = error is null ? RunState.TimeLimit : RunState.Failed, LastError = error, Updated = context.Clock.GetUtcNow() };
        run.WriteStatus(status);
        return status;
    }

    /// <summary>The run's status; one that says that it was stopped where there is none yet.</summary>
    private static RunStatus StatusOf(Experiment experiment, RunFolder run, PartContext context)
    {
        var now = context.Clock.GetUtcNow();
        var before = run.ReadStatus() ?? new RunStatus { Status = RunState.TimeLimit, Epochs = experiment.Plan.Training.Epochs, Segments = 0, Started = now, Updated = now };
        return before with { Status = RunState.TimeLimit };
    }

    private static void WriteExperiment(Experiment experiment, RunFolder run)
    {
        AtomicFile.WriteText(run.Experiment, YamlWriter.Write(Cohorts.Placed(experiment.File)));
        AtomicFile.WriteJson(run.Description, experiment.Json);
        if (experiment.Origin is { } origin)
            AtomicFile.WriteJson(run.Origin, origin);
    }

    /// <summary>How a verb ends after training: stopped, done, or failed where the run breaks what the experiment expects.</summary>
    public static ExitCode ExitCodeOf(Plan plan, RunStatus status)
    {
        if (status.Status == RunState.TimeLimit)
            return ExitCode.Stopped;
        if (plan.Expect.BrokenBy(status.Best?.Loss) is not { } broken)
            return ExitCode.Done;
        Console.Error.WriteLine(broken);
        return ExitCode.Failed;
    }
}
