using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>Trains an experiment into a run folder.</summary>
internal static class TrainingStep
{
    /// <summary>Starts a run. What is refused before its first step leaves no folder behind.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="experiment">The experiment.</param>
    /// <param name="folder">Where the run is to be.</param>
    /// <param name="cancellation">Ends it after the step under way.</param>
    public static (RunFolder Run, RunStatus Status) Start(Session session, Experiment experiment, string folder, CancellationToken cancellation)
    {
        experiment.CheckTrainable();
        using var random = session.Random(experiment.Plan);
        var context = session.Context(experiment.Plan, random); // refuses a device that is not there
        foreach (var warning in experiment.Warnings)
            Console.Error.WriteLine($"warning: {warning}");
        var run = RunFolder.Create(folder);
        using var held = run.Lock();
        try
        {
            if (experiment.Plan.Data.Synthesize is { } synthesize)
                Cohorts.Synthesize(synthesize, run, cancellation);
            return (run, Train(session, experiment, run, context, resume: false, cancellation));
        }
        catch (Exception e) when (run.ReadStatus() is null || (e is ConfigurationException && run.ReadStatus()!.Step == 0))
        {
            Directory.Delete(run.Path, recursive: true);
            throw;
        }
    }

    /// <summary>Continues a run from its latest checkpoint that verifies.</summary>
    public static RunStatus Resume(Session session, Experiment experiment, RunFolder run, CancellationToken cancellation)
    {
        experiment.CheckTrainable();
        using var held = run.Lock();
        using var random = session.Random(experiment.Plan);
        return Train(session, experiment, run, session.Context(experiment.Plan, random), resume: true, cancellation);
    }

    private static RunStatus Train(Session session, Experiment experiment, RunFolder run, PartContext context, bool resume, CancellationToken cancellation)
    {
        var cohort = SectionReader.Checked(experiment.File, () => Cohorts.Open(experiment.Plan, run));
        SectionReader.Checked(experiment.File, () => experiment.CheckCohort(cohort, context));
        if (!SectionReader.Checked(experiment.File, () => experiment.Borrow(session, cohort, run, cancellation)))
            return Stopped(experiment, run, context);
        using var display = TrainingDisplay.ForConsole(experiment.Plan);
        using var trainer = SectionReader.Checked(experiment.File, () => experiment.Trainer(cohort, run, context, display, cancellation));
        WriteExperiment(experiment, run);
        if (!resume)
            AtomicFile.WriteJson(run.Provenance, Provenance.Collect(experiment.Plan, cohort));
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

    /// <summary>Leaves a run that has not begun itself so that it can be resumed.</summary>
    private static RunStatus Stopped(Experiment experiment, RunFolder run, PartContext context)
    {
        WriteExperiment(experiment, run);
        var now = context.Clock.GetUtcNow();
        var status = new RunStatus { Status = RunState.TimeLimit, Epochs = experiment.Plan.Training.Epochs, Started = now, Updated = now };
        run.WriteStatus(status);
        return status;
    }

    private static void WriteExperiment(Experiment experiment, RunFolder run) => AtomicFile.WriteText(run.Experiment, YamlWriter.Write(experiment.File));

    /// <summary>How a verb ends after training: stopped, done, or failed where the run breaks what the experiment expects.</summary>
    public static ExitCode ExitCodeOf(Plan plan, RunStatus status)
    {
        if (status.Status == RunState.TimeLimit)
            return ExitCode.Stopped;
        if (plan.Expect.BrokenBy(status.Best) is not { } broken)
            return ExitCode.Done;
        Console.Error.WriteLine(broken);
        return ExitCode.Failed;
    }
}
