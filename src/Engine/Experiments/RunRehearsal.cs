using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Everything that training refuses before its first step, and what it would do; nothing is made or written.</summary>
/// <param name="experiment">The experiment.</param>
/// <param name="allowChangedData">Whether a run may go on with other data than it recorded.</param>
internal sealed class RunRehearsal(Experiment experiment, bool allowChangedData)
{
    private readonly RunTraining _training = new(experiment, allowChangedData);
    private readonly ExperimentContext _context = experiment.Context;

    private Plan Plan => experiment.Plan;

    /// <summary>Checks plan, data, memory and disk, and says what would be done once nothing is left to refuse.</summary>
    /// <param name="folder">Where the run is to be, or is.</param>
    /// <param name="resumed">The run that is to go on, or null for a new one.</param>
    public Rehearsal Check(string folder, RunFolder? resumed)
    {
        _training.Check(resumed);
        if (resumed is not null)
        {
            ExperimentSeal.Check(resumed, _context.Observer.Warned);
            RunPlugins.Check(_context, resumed, Plan.Sources);
        }

        using var random = ExperimentContext.Random(Plan);
        var parts = _context.PartsOf(Plan, random);
        _training.RefuseTooLarge(parts);
        if (resumed is null)
            RunFolder.CheckNew(folder);
        else
            resumed.CheckLock();
        var place = Path.GetFullPath(folder);
        string[] facts = [$"data: {Data(parts, resumed)}", experiment.Memory.Describe(), $"disk: {Disk(place)}"];
        var intent = resumed is null
            ? $"would train {Plan.Id} in {place}, {Plan.Training.Epochs} epochs on {parts.Device}"
            : Continuation(resumed, parts);

        foreach (var warning in experiment.Warnings)
            _context.Observer.Warned(warning);
        experiment.TellLeftOut();
        return new Rehearsal(intent, facts);
    }

    /// <summary>Where a run would go on.</summary>
    private string Continuation(RunFolder run, PartContext parts)
    {
        experiment.CheckBorrowed(run);
        var (would, epochs) = ($"would continue {Plan.Id} in {run.Path}", Plan.Training.Epochs);
        return run.FindLatest(_context.Observer.Warned) switch
        {
            null => $"{would}, which has no checkpoint yet, and would begin at epoch 1 of {epochs} on {parts.Device}",
            { Manifest.Position: var done } when done.Epoch >= epochs =>
                $"{would}, where nothing is left to do: {done.Epoch} of {epochs} epochs are done; "
                + $"`train EXP --run {run.Path} --resume --set {Longer(done)}` would train on",
            { Manifest.Position: var done } => string.Create(
                CultureInfo.InvariantCulture,
                $"{would} after step {done.Step:N0}, in epoch {done.Epoch + 1} of {epochs} on {parts.Device}"),
        };
    }

    private string Longer(TrainingPosition done) =>
        experiment.TwiceAsLong(new RunStatus { Status = RunState.Completed, Epoch = done.Epoch, Step = done.Step });

    private string Data(PartContext parts, RunFolder? resumed)
    {
        if (Plan.Data.Synthesize is { } made && (resumed is null || !Cohorts.IsSynthesized(resumed)))
        {
            var source = HeadFolder.Find(made.Source);
            return Directory.Exists(source)
                ? $"would be made of {Path.GetFullPath(source)}"
                : throw new PlanException($"there is no folder {made.Source} to make the cohort of", "synthesize.source").In("data");
        }

        var cohort = experiment.Cohorts.Open(Plan, resumed);
        experiment.CheckCohort(cohort, parts);
        if (resumed is not null)
            _training.CompareData(resumed, cohort);
        var patients = string.Join(", ", Cohort.AllSplits.Select(split => $"{split} {cohort.Of(split).Count}"));
        return $"{Path.GetFullPath(cohort.Folder)}: {patients} patients";
    }

    /// <summary>
    /// Weights, their average and the optimiser's moments in each checkpoint: those that are kept, best, and the one being written.
    /// </summary>
    private string Disk(string place)
    {
        var wanted = (experiment.Memory.Weights + experiment.Memory.Optimizer) * (Plan.Training.KeepCheckpoints + 2);
        var existing = RunFolder.NearestExisting(place);
        var free = new DriveInfo(existing).AvailableFreeSpace;
        var sentence = $"{ByteCount.Shown(wanted)} of checkpoints, and {ByteCount.Shown(free)} are free at {existing}";
        return wanted <= free
            ? sentence
            : throw new PlanException($"{sentence}; make room, name another folder with --run, or keep fewer with keep_checkpoints");
    }
}
