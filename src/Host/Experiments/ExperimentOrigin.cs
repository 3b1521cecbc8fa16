using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>How an experiment was named when a run of it began, <c>origin.json</c>: what its file says now can be compared with what the run is trained by.</summary>
/// <param name="Experiment">The whole path of its file.</param>
/// <param name="Profile">The profile that was laid over it, or null.</param>
/// <param name="Sets">The values of <c>--set</c>, those of later segments at the end.</param>
/// <param name="Folder">The working folder, in which its relative paths are looked for.</param>
internal sealed record ExperimentOrigin(string Experiment, string? Profile, IReadOnlyList<string> Sets, string Folder)
{
    /// <summary>The experiment that a command line names now.</summary>
    public static ExperimentOrigin Of(string file, string? profile, IReadOnlyList<string> sets) =>
        new(Path.GetFullPath(file), profile, sets, Environment.CurrentDirectory);

    /// <summary>What the experiment says now, resolved, with the whole path of its cohort.</summary>
    public MapNode Resolve() => Cohorts.Placed(ExperimentFile.Load(Experiment, Sets, Profile, PlanReader.EngineRecords), Folder);
}
