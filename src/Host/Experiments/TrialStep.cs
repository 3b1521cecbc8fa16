using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary><c>--dry-run</c>: everything that training refuses before its first step, and what it would do; nothing is made or written.</summary>
internal static class TrialStep
{
    /// <summary>Checks plan, data, memory and disk, and says what would be done once nothing is left to refuse.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="experiment">The experiment.</param>
    /// <param name="folder">Where the run is to be, or null for the next free one of <c>runs</c>.</param>
    /// <param name="resumed">The run that is to go on, or null for a new one.</param>
    public static void Check(Session session, Experiment experiment, string? folder, RunFolder? resumed = null)
    {
        TrainingStep.Check(session, experiment);
        using var random = session.Random(experiment.Plan);
        var context = session.Context(experiment.Plan, random);
        TrainingStep.RefuseTooLarge(experiment, context, session.Collective.Size);
        var place = folder ?? RunFolders.New(experiment.Plan.Id);
        if (resumed is null)
            RunFolder.CheckNew(place);
        else
            resumed.CheckLock();
        string[] sentences = [$"data: {Data(session, experiment, context, resumed)}", DescriptionTable.Memory(experiment.Memory), $"disk: {Disk(experiment, place)}"];
        var intent = resumed is null
            ? $"would train {experiment.Plan.Id} in {Places.Shown(place)}, {experiment.Plan.Training.Epochs} epochs on {context.Device}"
            : Continuation(session, experiment, resumed, context);

        foreach (var warning in experiment.Warnings)
            EvaluationStep.Warn(warning);
        Console.WriteLine(intent);
        foreach (var sentence in sentences)
            Console.WriteLine(sentence);
    }

    /// <summary>Where a run would go on.</summary>
    private static string Continuation(Session session, Experiment experiment, RunFolder run, PartContext context)
    {
        experiment.CheckBorrowed(session, run);
        var (plan, place) = (experiment.Plan, Places.Shown(run.Path));
        return run.FindLatest(EvaluationStep.Warn) switch
        {
            null => $"would continue {plan.Id} in {place}, which has no checkpoint yet, and would begin at epoch 1 of {plan.Training.Epochs} on {context.Device}",
            { Manifest.Position: var done } when done.Epoch >= plan.Training.Epochs =>
                $"would continue {plan.Id} in {place}, where nothing is left to do: {done.Epoch} of {plan.Training.Epochs} epochs are done; `train EXP --run {place} --resume --set {Longer(experiment, done)}` would train on",
            { Manifest.Position: var done } => string.Create(
                CultureInfo.InvariantCulture, $"would continue {plan.Id} in {place} after step {done.Step:N0}, in epoch {done.Epoch + 1} of {plan.Training.Epochs} on {context.Device}"),
        };
    }

    private static string Longer(Experiment experiment, TrainingPosition done) =>
        experiment.TwiceAsLong(new RunStatus { Status = RunState.Completed, Epoch = done.Epoch, Step = done.Step });

    private static string Data(Session session, Experiment experiment, PartContext context, RunFolder? resumed)
    {
        if (experiment.Plan.Data.Synthesize is { } made && (resumed is null || !Cohorts.IsSynthesized(resumed)))
        {
            var source = HeadFolder.Find(made.Source);
            return Directory.Exists(source)
                ? $"would be made of {Places.Shown(source)}"
                : throw new ConfigurationException(experiment.File.Locate("data.synthesize.source"), $"there is no folder {made.Source} to make the cohort of");
        }

        var cohort = SectionReader.Checked(experiment.File, () => Cohorts.Open(experiment.Plan, resumed));
        SectionReader.Checked(experiment.File, () => experiment.CheckCohort(cohort, context));
        if (resumed is not null)
            TrainingStep.CompareData(session, experiment, resumed, cohort);
        return $"{Places.Shown(cohort.Folder)}: {string.Join(", ", Cohort.AllSplits.Select(split => $"{split} {cohort.Of(split).Count}"))} patients";
    }

    /// <summary>Weights, their average and the optimiser's moments in each checkpoint: those that are kept, best, and the one being written.</summary>
    private static string Disk(Experiment experiment, string place)
    {
        var wanted = (experiment.Memory.Weights + experiment.Memory.Optimizer) * (experiment.Plan.Training.KeepCheckpoints + 2);
        var existing = RunFolder.NearestExisting(place);
        var free = new DriveInfo(existing).AvailableFreeSpace;
        var sentence = $"{ByteCount.Shown(wanted)} of checkpoints, and {ByteCount.Shown(free)} are free at {Places.Shown(existing)}";
        return wanted <= free ? sentence : throw new UsageException($"{sentence}; make room, name another folder with --run, or keep fewer with keep_checkpoints");
    }
}
