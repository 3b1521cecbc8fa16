using System.Text.Json.Nodes;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What a report needs of files whose formats this library does not know.</summary>
public interface IRunSources
{
    /// <summary>A run's <c>experiment.yaml</c> as JSON.</summary>
    /// <exception cref="RunFolderException">It cannot be read.</exception>
    JsonObject Experiment(RunFolder run);

    /// <summary>The name under which a report tells of a part; by itself that in full.</summary>
    /// <param name="use">Its name in full, <c>plugin/id</c>.</param>
    string PartName(string use) => use;

    /// <summary>The jobs in which a run was trained on a cluster, or null where it was not.</summary>
    /// <param name="path">The run's folder, which need not exist.</param>
    /// <exception cref="RunFolderException">They cannot be read.</exception>
    JobChain? Chain(string path);
}

/// <summary>The jobs in which a run was trained on a cluster.</summary>
/// <param name="State">How the chain stands, in a word.</param>
/// <param name="Explanation">Why, or null.</param>
/// <param name="Jobs">The scheduler's numbers of its jobs, the oldest first.</param>
/// <param name="Stopped">Jobs that the time limit ended.</param>
/// <param name="LastLine">What the last job printed last, where the chain did not end well; or null.</param>
public sealed record JobChain(string State, string? Explanation, IReadOnlyList<string> Jobs, int Stopped, string? LastLine);
