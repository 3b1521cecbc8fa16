using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Trains an experiment into a run folder.</summary>
/// <param name="experiment">The experiment.</param>
/// <param name="allowChangedData">Whether a run may go on with other data than it recorded.</param>
internal sealed class RunTraining(Experiment experiment, bool allowChangedData)
{
    /// <summary>
    /// What libtorch's kernels take for themselves on a CPU: the smallest network was killed in a control group that left it 207 MiB.
    /// </summary>
    private const long LibraryMemory = 256 << 20;

    private readonly ExperimentContext _context = experiment.Context;
    private IReadOnlyList<PluginChange> _changedPlugins = [];

    private ICollective Processes => _context.Collective;

    private Plan Plan => experiment.Plan;

    /// <inheritdoc cref="Experiment.Train"/>
    public TrainedRun Start(string? folder, CancellationToken cancellation)
    {
        Check(resumed: null);
        using var random = ExperimentContext.Random(Plan);
        var parts = _context.PartsOf(Plan, random); // refuses a device that is not there
        RefuseTooLarge(parts);
        foreach (var warning in experiment.Warnings)
            _context.Observer.Warned(warning);
        var run = RunFolder.Join(Processes.FromFirst(() => RunFolder.Create(folder ?? RunFolders.New(Plan.Id)).Path));
        using var held = Lock(run);
        try
        {
            // before anything that takes time: whatever kills the process from here on, the run can be resumed
            Processes.ByFirst(() => WriteExperiment(run));
            return new TrainedRun(run, Train(run, parts, resume: false, cancellation));
        }
        catch (Exception e) when (Processes.IsFirst() && (run.ReadStatus() is null || (e is PlanException && run.ReadStatus()!.Step == 0)))
        {
            // what was trained first, for this run, may have taken days
            if (Directory.Exists(Path.Combine(run.Path, RunFolder.FirstName)))
                Stopped(run, parts, experiment.Placed(e).Message);
            else
                Directory.Delete(run.Path, recursive: true);
            throw;
        }
    }

    /// <inheritdoc cref="Experiment.Resume"/>
    public RunStatus Resume(RunFolder run, CancellationToken cancellation)
    {
        Check(run);
        using var held = Lock(run);
        Processes.ByFirst(() =>
        {
            ExperimentSeal.Check(run, _context.Observer.Warned);
            _changedPlugins = RunPlugins.Check(_context, run, Plan.Sources);
        });
        using var random = ExperimentContext.Random(Plan);
        var parts = _context.PartsOf(Plan, random);
        RefuseTooLarge(parts);
        Processes.ByFirst(() =>
        {
            if (!File.Exists(run.Experiment))
                WriteExperiment(run);
        });
        return Train(run, parts, resume: true, cancellation);
    }

    /// <summary>Refuses what can be described and not be trained; before anything is made or read.</summary>
    /// <param name="resumed">The run that is to go on; null for a new one.</param>
    public void Check(RunFolder? resumed)
    {
        experiment.RefuseProcesses(Processes.Size);
        experiment.RefuseUntrainable(resumed);
    }

    /// <summary>Refuses a plan whose tensors cannot fit into the memory that there is.</summary>
    public void RefuseTooLarge(PartContext parts)
    {
        if (WhyTooLarge(parts) is { } why)
            throw new PlanException(why);
    }

    /// <summary>Why a plan's tensors cannot fit into the memory that there is, or null where they can.</summary>
    public string? WhyTooLarge(PartContext parts)
    {
        var training = Plan.Training;
        // each process computes its share of the batch
        var memory = experiment.Memory with { Activations = experiment.Memory.Activations / Processes.Size };
        var onGpu = parts.Device.type == DeviceType.CUDA;
        var available = onGpu ? MemoryStatistics.Accelerator(parts.Device)?.Free : MemoryStatistics.Available;
        var own = onGpu ? 0 : LibraryMemory;
        if (!training.CheckMemory || available is null || memory.Total + own <= available)
            return null;
        var checkpointing = training.GradientCheckpointing || experiment.Memory.Activations is null ? "" : ", gradient_checkpointing: true";
        return $"{memory.Describe()}{(own > 0 ? $", {ByteCount.Shown(own)} for libtorch itself," : "")} and {parts.Device} has "
            + $"{ByteCount.Shown(available.Value)} left; "
                + "use "
                + $"{(training.BatchSize > 1 ? $"a smaller batch_size than {training.BatchSize}" : "smaller volumes or a smaller network")}"
                + $"{checkpointing}, or check_memory: false to try all the same";
    }

    /// <summary>Refuses data that are not those that the run has recorded, or says where they are allowed how they differ.</summary>
    public IReadOnlyList<DataChange> CompareData(RunFolder run, Cohort cohort)
    {
        const string Remedy = "put back what was there, or go on with --allow-changed-data";
        if (Provenance.WhyIncomparable(run) is { } why)
        {
            if (!allowChangedData)
                throw new RunFolderException($"{why}; put that file back, or go on with --allow-changed-data");
            _context.Observer.Warned($"{why}; the run goes on with what is there, and records it");
        }

        var changes = Provenance.CompareData(run, Plan, cohort, allowChangedData, Remedy);
        foreach (var change in changes)
            _context.Observer.Warned($"the run goes on with other data, {change}");
        return changes;
    }

    /// <summary>Of the processes that train together, the first one holds the run for all.</summary>
    private IDisposable? Lock(RunFolder run) => Processes.IsFirst() ? run.Lock() : null;

    private RunStatus Train(RunFolder run, PartContext parts, bool resume, CancellationToken cancellation)
    {
        var observer = _context.Observer.Training(Plan);
        using var display = observer as IDisposable;
        using var trainer = Prepare(run, parts, observer, resume, cancellation);
        if (trainer is null)
            return Processes.IsFirst() ? Stopped(run, parts) : StatusOf(run, parts);
        try
        {
            return trainer.Run(resume, cancellation);
        }
        catch (Exception e)
        {
            trainer.Fail(experiment.Placed(e));
            throw;
        }
    }

    /// <summary>Does what comes before the first step; what was done of it before stays.</summary>
    /// <returns>What trains it, or null where the preparations were stopped.</returns>
    private Trainer? Prepare(RunFolder run, PartContext parts, TrainingObserver observer, bool resume, CancellationToken cancellation)
    {
        try
        {
            if (Plan.Data.Synthesize is { } synthesize)
                Processes.ByFirst(() => experiment.Cohorts.Synthesize(synthesize, run, cancellation));
            var cohort = experiment.Cohorts.Open(Plan, run);
            experiment.CheckCohort(cohort, parts);
            if (resume)
                Processes.ByFirst(() => Provenance.RecordSegment(run, Plan, cohort, CompareData(run, cohort), _changedPlugins));
            Processes.ByFirst(() => experiment.Borrow(cohort, run, allowChangedData, cancellation));
            var trainer = experiment.CreateTrainer(cohort, run, parts, observer, cancellation);
            Processes.ByFirst(() =>
            {
                WriteExperiment(run);
                if (!resume || !File.Exists(run.Provenance))
                    Provenance.Write(
                        run,
                        Provenance.Collect(Plan, cohort) with
                        {
                            Cohort = CohortPlace.Of(run, cohort),
                            Start = StartRecord.Read(new FrozenParts(run)),
                        });
            });
            experiment.TellLeftOut();
            return trainer;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested || Processes.Size > 1)
        {
            return null;
        }
    }

    /// <summary>Leaves a run that has not begun itself so that it can be resumed.</summary>
    /// <param name="run">The run.</param>
    /// <param name="parts">Has the clock.</param>
    /// <param name="error">What went wrong, or null where a signal stopped it.</param>
    private RunStatus Stopped(RunFolder run, PartContext parts, string? error = null)
    {
        var status = StatusOf(run, parts) with
        {
            Status = error is null ? RunState.TimeLimit : RunState.Failed,
            LastError = error,
            Updated = parts.Clock.GetUtcNow(),
        };
        run.WriteStatus(status);
        return status;
    }

    /// <summary>The run's status; one that says that it was stopped where there is none yet.</summary>
    private RunStatus StatusOf(RunFolder run, PartContext parts)
    {
        var now = parts.Clock.GetUtcNow();
        var before = run.ReadStatus() ?? new RunStatus
        {
            Status = RunState.TimeLimit, Epochs = Plan.Training.Epochs, Segments = 0, Started = now, Updated = now,
        };
        return before with { Status = RunState.TimeLimit };
    }

    private void WriteExperiment(RunFolder run)
    {
        ExperimentSeal.Write(run, experiment.Source.Text);
        AtomicFile.WriteJson(run.Description, experiment.Json);
        experiment.Facts.Write(run);
        if (experiment.Source.Origin is { } origin)
            AtomicFile.WriteJson(run.Origin, origin);
    }
}
