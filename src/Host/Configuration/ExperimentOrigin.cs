using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// How an experiment was named when a run of it began, <c>origin.json</c>: what its file says now can be compared with
/// what the run is trained by.
/// </summary>
/// <param name="Experiment">The whole path of its file.</param>
/// <param name="Profile">The profile that was laid over it, or null.</param>
/// <param name="Sets">The values of <c>--set</c>, those of later segments at the end.</param>
/// <param name="Folder">The working folder, in which its relative paths are looked for.</param>
internal sealed record ExperimentOrigin(string Experiment, string? Profile, IReadOnlyList<string> Sets, string Folder)
{
    private const string Damaged = "remove it, without it the experiment is not compared with its file";

    /// <summary>The experiment that a command line names now. A chain's own copy is of the file that was submitted.</summary>
    public static ExperimentOrigin Of(string file, string? profile, IReadOnlyList<Assignment> sets) =>
        ChainFolder.Of(file) is { } chain && Read(chain.Origin) is { } submitted
            ? submitted.Continued(sets)
            : new(Path.GetFullPath(file), profile, [.. sets.Select(set => set.ToString())], Environment.CurrentDirectory);

    /// <summary>What a file of it says, or null where there is none.</summary>
    /// <exception cref="RunFolderException">It is damaged.</exception>
    public static ExperimentOrigin? Read(string path) => RunFile.ReadJson<ExperimentOrigin>(path, Damaged);

    /// <summary>
    /// The next segment's: with the values that were set for it, and the place of its cohort where that was named or moved, as the segment
    /// after it may be started elsewhere.
    /// </summary>
    /// <param name="sets">The values.</param>
    /// <param name="placed">The experiment whose cohort's place is kept, or null.</param>
    public ExperimentOrigin Continued(IReadOnlyList<Assignment> sets, MapNode? placed = null)
    {
        string[] cohort = placed?["data"]?["cohort"] is ScalarNode { IsNull: false } named
            ? [$"data.cohort={System.Text.Json.JsonSerializer.Serialize(named.Text)}"]
            : [];
        string[] added = [.. sets.Select(set => set.ToString()), .. cohort];
        return this with { Sets = [.. Sets.Except(added), .. added] };
    }

    /// <summary>
    /// What the experiment says now, resolved, with the whole path of its cohort. What was set then is of no option that was typed now.
    /// </summary>
    /// <param name="place">The file that holds this.</param>
    /// <param name="plugins">Those that it may extend.</param>
    public MapNode Resolve(string place, PluginCatalogue plugins)
    {
        Assignment[] sets = [.. Sets.Select(set => Assignment.Parse(set, new Position(Places.Shown(place))))];
        return CohortPlaces.Whole(ExperimentLoader.Read(Experiment, sets, Profile, plugins), Folder);
    }
}
