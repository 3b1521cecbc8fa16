using System.Diagnostics;
using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Cluster;

/// <summary>
/// The folder beside a run's own that its chain of jobs is kept in: <c>RUN.submit</c>. It is there before the run is,
/// as a job may wait for days.
/// </summary>
/// <param name="run">The run's folder.</param>
internal sealed class ChainFolder(string run)
{
    /// <summary>What the name of a run's folder is followed by.</summary>
    public const string Suffix = RunFolders.ChainSuffix;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>The chain whose folder a file lies in, or null.</summary>
    public static ChainFolder? Of(string file) =>
        System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file)) is { } folder && folder.EndsWith(Suffix, StringComparison.Ordinal)
            ? new ChainFolder(folder[..^Suffix.Length])
            : null;

    /// <summary>The run's folder, as a full path.</summary>
    public string Run { get; } = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(run));

    /// <summary>This folder.</summary>
    public string Path => Run + Suffix;

    /// <summary>The job script; every segment runs the same one.</summary>
    public string Script => In("job.sh");

    /// <summary>The experiment, resolved when it was submitted: what is edited while a job waits does not reach it.</summary>
    public string Experiment => In("experiment.yaml");

    /// <summary>How the command line named the experiment that was submitted, for the run's own record of it.</summary>
    public string Origin => In("origin.json");

    /// <summary>What the segments print.</summary>
    public string Log(string job) => In($"{job}.log");

    private string File => In("chain.json");

    /// <summary>The chain, or null where nothing was submitted.</summary>
    /// <exception cref="UsageException">The file is damaged.</exception>
    public Chain? Find()
    {
        try
        {
            return System.IO.File.Exists(File) ? JsonSerializer.Deserialize<Chain>(RegularFile.ReadText(File), AtomicFile.Json) : null;
        }
        catch (JsonException e)
        {
            throw new UsageException(
                $"{File} cannot be read ({JsonFault.Why(e)}); remove {Path} and go on with `voxelzoo submit EXP --resume --run {Run}`");
        }
    }

    /// <summary>The chain.</summary>
    /// <exception cref="UsageException">Nothing was submitted, or the file is damaged.</exception>
    public Chain Read() => Find() ?? throw new UsageException($"{Run}: no chain was submitted for this run; there is no {File}");

    /// <summary>
    /// The chain whose last segment is a job. One that begins at once waits here until <c>submit</c> has written its number.
    /// </summary>
    /// <exception cref="UsageException">The chain does not come to that.</exception>
    public Chain Await(string job)
    {
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < Patience; Thread.Sleep(200))
        {
            if (Find() is { } chain && chain.Awaits(job))
                return chain;
        }

        throw new UsageException($"job {job} is not the last segment of {File}; submit with `voxelzoo submit`, not the script by itself");
    }

    /// <summary>Replaces the chain.</summary>
    public void Write(Chain chain) => AtomicFile.WriteJson(File, chain);

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
