namespace VoxelZoo.Engine.Runs;

/// <summary>Chooses run folders: <c>runs/ID</c>, then <c>runs/ID-2</c> and so on.</summary>
public static class RunFolders
{
    /// <summary>
    /// What the name of a run's folder is followed by in that of the folder of its chain of jobs, which is there before the run is.
    /// </summary>
    public const string ChainSuffix = ".submit";

    private const string Root = "runs";

    /// <summary>The folder for a new run; not created yet.</summary>
    public static string New(string id) => Names(id).First(folder => !IsTaken(folder));

    /// <summary>The folder of an experiment's newest run.</summary>
    /// <exception cref="RunFolderException">There is none.</exception>
    public static string Newest(string id) => NewestFolder(id)
            ?? throw new RunFolderException(
                $"--resume: there is no run {Path.Combine(Root, id)} to continue; name one with --run, or start one without --resume");

    /// <summary>The newest run of an experiment, or null where there is none.</summary>
    public static RunFolder? FindNewest(string id) =>
        NewestFolder(id) is { } folder ? RunFolder.Open(folder) : null;

    private static string? NewestFolder(string id) => Names(id).TakeWhile(IsTaken).LastOrDefault(Directory.Exists);

    // also by a run that was submitted and has not begun
    private static bool IsTaken(string folder) => Path.Exists(folder) || Directory.Exists(folder + ChainSuffix);

    /// <summary>The folders that an experiment's runs take, one after the other, without end.</summary>
    public static IEnumerable<string> Names(string id) =>
        Enumerable.Range(1, int.MaxValue - 1).Select(n => Path.Combine(Root, n == 1 ? id : $"{id}-{n}"));
}
