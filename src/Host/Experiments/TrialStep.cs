using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary><c>--dry-run</c>: everything that training refuses before its first step, and what it would do; nothing is made or written.</summary>
internal static class TrialStep
{
    /// <summary>Checks plan, data, memory and disk.</summary>
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
        foreach (var warning in experiment.Warnings)
            Console.Error.WriteLine($"warning: {warning}");

        var plan = experiment.Plan;
        Console.WriteLine($"would {(resumed is null ? "train" : "continue")} {plan.Id} in {Places.Shown(place)}, {plan.Training.Epochs} epochs on {context.Device}");
        Console.WriteLine($"data: {Data(session, experiment, context, resumed)}");
        Console.WriteLine(DescriptionTable.Memory(experiment.Memory));
        Disk(experiment, place);
    }

    private static string Data(Session session, Experiment experiment, PartContext context, RunFolder? resumed)
    {
        if (experiment.Plan.Data.Synthesize is { } made && (resumed is null || !Cohorts.IsSynthesized(resumed)))
        {
            var source = HeadFolder.Find(made.Source);
            return Directory.Exists(source)
                ? $"would be made of {Places.Shown(source)}"
                : throw new ConfigurationException(experiment.File.Locate("data.synthesize"), $"there is no folder {made.Source} to make the cohort of");
        }

        var cohort = SectionReader.Checked(experiment.File, () => Cohorts.Open(experiment.Plan, resumed));
        SectionReader.Checked(experiment.File, () => experiment.CheckCohort(cohort, context));
        if (resumed is not null)
            TrainingStep.CompareData(session, experiment, resumed, cohort);
        return $"{Places.Shown(cohort.Folder)}: {string.Join(", ", Cohort.AllSplits.Select(split => $"{split} {cohort.Of(split).Count}"))} patients";
    }

    /// <summary>Weights, their average and the optimiser's moments in each checkpoint: those that are kept, best, and the one being written.</summary>
    private static void Disk(Experiment experiment, string place)
    {
        var wanted = (experiment.Memory.Weights + experiment.Memory.Optimizer) * (experiment.Plan.Training.KeepCheckpoints + 2);
        var existing = RunFolder.NearestExisting(place);
        var free = new DriveInfo(existing).AvailableFreeSpace;
        var sentence = string.Create(CultureInfo.InvariantCulture, $"{DescriptionTable.Gibibytes(wanted)} of checkpoints, and {DescriptionTable.Gibibytes(free)} are free at {Places.Shown(existing)}");
        if (wanted > free)
            throw new ConfigurationException(experiment.File.Locate("training"), $"{sentence}; make room, name another folder with --run, or keep fewer with keep_checkpoints");
        Console.WriteLine($"disk: {sentence}");
    }
}
