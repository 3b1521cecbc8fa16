using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// The experiment by which a run goes on: its own, with <c>--set</c> over it. How the file that the command line names differs from it is
/// said, and what would make another experiment of the run is refused.
/// </summary>
/// <param name="session">The parts, whose defaults say whether what was written now was so before.</param>
/// <param name="run">The run.</param>
/// <param name="file">The file that the command line names.</param>
/// <param name="profile">The profile that it names, or null.</param>
internal sealed class ResumedExperiment(Session session, RunFolder run, string file, string? profile)
{
    private readonly bool _trained = run.HasCheckpoints;

    private PluginCatalogue Plugins => session.Registry.Catalogue;

    /// <summary>The experiment's file, resolved.</summary>
    /// <param name="sets">Values over it.</param>
    /// <param name="warn">Called with a sentence for each difference that is no reason to refuse.</param>
    /// <returns>It, and how it is named from now on; null where the run has not recorded how it was named at first.</returns>
    /// <exception cref="ConfigurationException">What the run was trained by so far would change.</exception>
    public (MapNode File, ExperimentOrigin? Origin) Read(IReadOnlyList<Assignment> sets, Action<string> warn) =>
        ExperimentLoader.OfRun(session, run, () => Compare(sets, warn));

    private (MapNode File, ExperimentOrigin? Origin) Compare(IReadOnlyList<Assignment> sets, Action<string> warn)
    {
        var before = ExperimentLoader.ReadRun(run);
        RefuseOther(SectionReader.Id(before));
        var own = CohortPlaces.Whole(ExperimentLoader.Read(run.Experiment, sets));
        RefuseSets(before, own);
        var origin = ExperimentOrigin.Read(run.Origin);
        var next = origin?.Continued(sets, sets.Count > 0 ? own : null);
        if (Path.GetFullPath(file) is var full && full == run.Experiment)
            return (own, next);
        if (ChainFolder.Of(full) is not null) // made of the run's own, or what an untrained run was submitted with
            return (_trained ? own : Compared(own, CohortPlaces.Whole(ExperimentLoader.Read(file, sets, plugins: Plugins)), warn), next);
        if (next is null)
        {
            TellUnrecorded(own, sets, warn);
            return (own, null);
        }

        if (ChainFolder.Of(next.Experiment) is not null)
        {
            warn(
                $"the run was begun by a chain of jobs that has not recorded what was submitted, so {file} is not compared with it; "
                + $"the run goes on by its own experiment, {Places.Shown(run.Experiment)}, and --set changes what may change");
            return (own, next);
        }

        next = next with { Experiment = full, Profile = profile ?? next.Profile };
        return (Compared(own, next.Resolve(run.Origin, Plugins), warn), next);
    }

    private void RefuseOther(string id)
    {
        var named = SectionReader.Id(ExperimentLoader.Read(file, plugins: Plugins));
        if (id != named)
            throw new UsageException(
                $"--resume: {Places.Shown(run.Path)} is a run of {id}, not of {named}; name that experiment, or another folder with --run");
    }

    private void RefuseSets(MapNode before, MapNode own)
    {
        // a cohort that is named replaces the one that was made; that it holds the same is checked by its hashes
        var refused = Differences(before, own)
            .FirstOrDefault(change => !ResumeRules.MayChange(change.Key, _trained)
                && !(change.After is null && change.Key.StartsWith("data.synthesize", StringComparison.Ordinal)));
        if (refused is not null)
        {
            throw new ConfigurationException(
                own.Locate(refused.Key),
                $"the run {Made} with {refused.Key} {refused.Before ?? "not set"}, and {refused.After ?? "not set"} would make another "
                + "experiment of it; go on without that, or train anew into another folder with --run");
        }
    }

    private string Made => _trained ? "was trained" : "was prepared";

    /// <summary>The experiment to go on by: the run's own; the file's, where nothing was trained yet.</summary>
    private MapNode Compared(MapNode own, MapNode named, Action<string> warn)
    {
        var changes = Differences(own, named);
        var refused = changes.Where(change => !ResumeRules.MayChange(change.Key, _trained)).ToArray();
        if (refused.Length > 0)
        {
            var place = Places.Shown(run.Path);
            var found = refused.Select(change => $"{change.Key} is {change.After ?? "not set"} and was {change.Before ?? "not set"}");
            throw new ConfigurationException(
                named.Locate(refused[0].Key),
                $"the experiment is not what the run {Made} with: {string.Join(", ", found)}; put it back, go on as the run began with "
                + $"`train {Places.Shown(run.Experiment)} --run {place} --resume`, or train anew into another folder with --run");
        }

        foreach (var change in changes)
        {
            warn(
                $"{named.Locate(change.Key)}: {change.Key} is {change.After ?? "not set"} and was "
                + $"{change.Before ?? "not set"} when the run began; "
                    + (_trained
                        ? $"the run goes on with what was, `--set {change.Key}={change.After ?? "null"}` takes what is"
                        : "the run has no checkpoint yet and takes what is"));
        }

        return _trained ? own : named;
    }

    /// <summary>
    /// A run of before origins were recorded: what the command line names may have been laid under a profile and values that nobody knows.
    /// </summary>
    private void TellUnrecorded(MapNode own, IReadOnlyList<Assignment> sets, Action<string> warn)
    {
        var named = CohortPlaces.Whole(ExperimentLoader.Read(file, sets, profile, Plugins));
        if (Differences(own, named).Count > 0)
            warn(
                $"the run has not recorded with which profile and --set it began, so that whether {file} was edited since cannot be said; "
                + $"it goes on by its own experiment, {Places.Shown(run.Experiment)}");
    }

    /// <summary>
    /// The values that differ. One that is written on one side alone is none where the other side has it by default, and a part's name is
    /// the same with its plugin's and without.
    /// </summary>
    private IReadOnlyList<LeafChange> Differences(MapNode before, MapNode after)
    {
        var changes = LeafChange.Between(before, after);
        if (changes.Count == 0)
            return changes;
        try
        {
            var (one, other) = (ExperimentLoader.ReadPlan(session.Registry, before), ExperimentLoader.ReadPlan(session.Registry, after));
            changes = LeafChange.Between(OptionDefaults.Completed(before, one), OptionDefaults.Completed(after, other));
            return
            [
                .. changes.Where(change => change is { Before: not null, After: not null }
                    || PlanValues.Find(one, change.Key) is not { } value
                    || value != PlanValues.Find(other, change.Key)),
            ];
        }
        catch (ConfigurationException)
        {
            return changes; // one of them cannot work, so that nobody knows what it would have
        }
    }
}
