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
        using var display = TrainingDisplay.ForConsole(experiment.Plan);
        var run = RunFolder.Create(folder);
        try
        {
            using var trainer = SectionReader.Checked(experiment.File, () => Prepare(experiment, run, context, display, cancellation));
            return (run, Train(experiment, trainer, resume: false, cancellation));
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
        using var random = session.Random(experiment.Plan);
        using var display = TrainingDisplay.ForConsole(experiment.Plan);
        var context = session.Context(experiment.Plan, random);
        using var trainer = SectionReader.Checked(experiment.File, () => experiment.Trainer(Cohorts.Open(experiment.Plan, run), run, context, display));
        AtomicFile.WriteText(run.Experiment, YamlWriter.Write(experiment.File));
        return Train(experiment, trainer, resume: true, cancellation);
    }

    private static Trainer Prepare(Experiment experiment, RunFolder run, PartContext context, TrainingDisplay display, CancellationToken cancellation)
    {
        if (experiment.Plan.Data.Synthesize is { } synthesize)
            Cohorts.Synthesize(synthesize, run, cancellation);
        var cohort = Cohorts.Open(experiment.Plan, run);
        var trainer = experiment.Trainer(cohort, run, context, display);
        AtomicFile.WriteText(run.Experiment, YamlWriter.Write(experiment.File));
        AtomicFile.WriteJson(run.Provenance, Provenance.Collect(experiment.Plan, cohort));
        return trainer;
    }

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

    private static RunStatus Train(Experiment experiment, Trainer trainer, bool resume, CancellationToken cancellation)
    {
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
}
