using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Experiments;

/// <summary>Chooses run folders: <c>runs/ID</c>, then <c>runs/ID-2</c> and so on.</summary>
internal static class RunFolders
{
    private const string Root = "runs";

    /// <summary>The folder for a new run; not created yet.</summary>
    public static string New(string id) => Names(id).First(folder => !IsTaken(folder));

    /// <summary>The folder of an experiment's newest run.</summary>
    public static string Newest(string id) => NewestFolder(id)
            ?? throw new UsageException($"--resume: there is no run {Path.Combine(Root, id)} to continue; name one with --run, or start one without --resume");

    /// <summary>The newest run of an experiment, or null where there is none.</summary>
    public static RunFolder? FindNewest(string id) =>
        NewestFolder(id) is { } folder ? RunFolder.Open(folder) : null;

    private static string? NewestFolder(string id) => Names(id).TakeWhile(IsTaken).LastOrDefault(Directory.Exists);

    // also by a run that was submitted and has not begun
    private static bool IsTaken(string folder) => Path.Exists(folder) || Directory.Exists(folder + ChainFolder.Suffix);

    private static IEnumerable<string> Names(string id) =>
        Enumerable.Range(1, int.MaxValue - 1).Select(n => Path.Combine(Root, n == 1 ? id : $"{id}-{n}"));
}
