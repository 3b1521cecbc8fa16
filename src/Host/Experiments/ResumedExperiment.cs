using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>
/// The experiment by which a run goes on: its own, with <c>--set</c> over it. How the file that the command line names differs from it is said, and what
/// would make another experiment of the run is refused.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="file">The file that the command line names.</param>
/// <param name="profile">The profile that it names, or null.</param>
internal sealed class ResumedExperiment(RunFolder run, string file, string? profile)
{
    private readonly bool _trained = run.HasCheckpoints;

    /// <summary>The experiment's file, resolved.</summary>
    /// <param name="sets">Values of <c>--set</c>.</param>
    /// <param name="warn">Called with a sentence for each difference that is no reason to refuse.</param>
    /// <returns>It, and how it is named from now on; null where the run has not recorded how it was named at first.</returns>
    /// <exception cref="ConfigurationException">What the run was trained by so far would change.</exception>
    public (MapNode File, ExperimentOrigin? Origin) Read(string[] sets, Action<string> warn)
    {
        var before = ExperimentFile.Load(run.Experiment, null, null, PlanReader.EngineRecords);
        RefuseOther(SectionReader.Id(before));
        var own = Cohorts.Placed(ExperimentFile.Load(run.Experiment, sets, null, PlanReader.EngineRecords));
        RefuseSets(LeafChange.Between(before, own), own);
        var origin = RunFolder.ReadJson<ExperimentOrigin>(run.Origin, "remove it, without it the experiment is not compared with its file");
        if (IsTheRunsOwn)
            return (own, origin is null ? null : Continued(origin, sets, own));
        if (origin is null)
        {
            TellUnrecorded(own, sets, warn);
            return (own, null);
        }

        if (IsOfAChain(origin.Experiment))
        {
            warn($"the run was begun by a chain of jobs, so {file} is not compared with it; the run goes on by its own experiment, {Places.Shown(run.Experiment)}");
            return (own, Continued(origin, sets, own));
        }

        var next = Continued(origin, sets, own) with { Experiment = Path.GetFullPath(file), Profile = profile ?? origin.Profile };
        return (Compared(own, next.Resolve(), warn), next);
    }

    private bool IsTheRunsOwn => Path.GetFullPath(file) is var full && (full == run.Experiment || IsOfAChain(full));

    private static bool IsOfAChain(string path) => Path.GetDirectoryName(path) is { } folder && folder.EndsWith(ChainFolder.Suffix, StringComparison.Ordinal);

    private void RefuseOther(string id)
    {
        var named = SectionReader.Id(ExperimentFile.Load(file, engineRecords: PlanReader.EngineRecords));
        if (id != named)
            throw new UsageException($"--resume: {Places.Shown(run.Path)} is a run of {id}, not of {named}; name that experiment, or another folder with --run");
    }

    /// <summary>The next segment's origin; a cohort that a set names is kept with its whole path, as the next one may be started elsewhere.</summary>
    private static ExperimentOrigin Continued(ExperimentOrigin origin, string[] sets, MapNode own)
    {
        string[] cohort = sets.Length > 0 && own["data"]?["cohort"] is ScalarNode { IsNull: false } named ? [$"data.cohort={System.Text.Json.JsonSerializer.Serialize(named.Text)}"] : [];
        return origin with { Sets = [.. origin.Sets, .. sets, .. cohort] };
    }

    private void RefuseSets(IReadOnlyList<LeafChange> changes, MapNode own)
    {
        // a cohort that is named replaces the one that was made; that it holds the same is checked by its hashes
        var refused = changes.FirstOrDefault(change => !ResumeRules.MayChange(change.Key, _trained) && !(change.After is null && change.Key.StartsWith("data.synthesize", StringComparison.Ordinal)));
        if (refused is not null)
        {
            throw new ConfigurationException(
                own.Locate(refused.Key),
                $"the run {Made} with {refused.Key} {refused.Before ?? "not set"}, and {refused.After ?? "not set"} would make another experiment of it; go on without that, or train anew into another folder with --run");
        }
    }

    private string Made => _trained ? "was trained" : "was prepared";

    /// <summary>The experiment to go on by: the run's own; the file's, where nothing was trained yet.</summary>
    private MapNode Compared(MapNode own, MapNode named, Action<string> warn)
    {
        var changes = LeafChange.Between(own, named);
        var refused = changes.Where(change => !ResumeRules.MayChange(change.Key, _trained)).ToArray();
        if (refused.Length > 0)
        {
            var place = Places.Shown(run.Path);
            throw new ConfigurationException(
                named.Locate(refused[0].Key),
                $"the experiment is not what the run {Made} with: {string.Join(", ", refused.Select(change => $"{change.Key} is {change.After ?? "not set"} and was {change.Before ?? "not set"}"))}; put it back, go on as the run began with `train {Places.Shown(run.Experiment)} --run {place} --resume`, or train anew into another folder with --run");
        }

        foreach (var change in changes)
        {
            warn($"{named.Locate(change.Key)}: {change.Key} is {change.After ?? "not set"} and was {change.Before ?? "not set"} when the run began; "
                + (_trained ? $"the run goes on with what was, `--set {change.Key}={change.After ?? "null"}` takes what is" : "the run has no checkpoint yet and takes what is"));
        }

        return _trained ? own : named;
    }

    /// <summary>A run of before origins were recorded: what the command line names may have been laid under a profile and values that nobody knows.</summary>
    private void TellUnrecorded(MapNode own, string[] sets, Action<string> warn)
    {
        var named = Cohorts.Placed(ExperimentFile.Load(file, sets, profile, PlanReader.EngineRecords));
        if (LeafChange.Between(own, named).Count > 0)
            warn($"the run has not recorded with which profile and --set it began, so that whether {file} was edited since cannot be said; it goes on by its own experiment, {Places.Shown(run.Experiment)}");
    }
}
