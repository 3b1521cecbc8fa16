using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>The folder of one run: everything that training leaves and every later verb starts from.</summary>
public sealed class RunFolder
{
    /// <summary>Name of the folder of runs that a run trained first, and uses.</summary>
    public const string FirstName = "first";

    private const string ExperimentName = "experiment.yaml", SealName = "experiment.seal.json",
        StatusName = "status.json", MetricsName = "metrics.jsonl";
    private const string CheckpointsName = "checkpoints", CohortName = "cohort", FrozenName = "frozen", LatentsName = "latents";
    private const string CardName = "card.yaml", EventsName = "events", SweepsName = "sweeps", DiscriminatorName = "diffrs";

    /// <summary>The file that a process holds which trains the run.</summary>
    internal const string LockName = "train.lock";

    /// <summary>What may be there before a run's first step.</summary>
    private static readonly string[] BeforeTheRun = [LockName, SealName, CohortName, FirstName, FrozenName, LatentsName];

    /// <summary>What makes a folder known as a run's, also where not all of it is there.</summary>
    internal static IReadOnlyList<string> Signs { get; } = [ExperimentName, StatusName, MetricsName, CheckpointsName, LockName];

    private RunFolder(string path) => Path = path;

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    /// <summary>The experiment, resolved: nothing in it refers to another file.</summary>
    public string Experiment => In(ExperimentName);

    /// <summary>The hash of <see cref="Experiment"/> as training wrote it: <see cref="ExperimentSeal"/>.</summary>
    public string Seal => In(SealName);

    /// <summary>The card of the animal that the run was unpacked from; there is none where it was trained.</summary>
    internal string Card => In(CardName);

    /// <summary>Whether it was unpacked from an animal of a zoo, and trained elsewhere.</summary>
    public bool IsAnimals => IsOfAnimal(Path);

    /// <summary>How the command line named the experiment.</summary>
    public string Origin => In("origin.json");

    /// <summary>Versions and hashes of what ran.</summary>
    public string Provenance => In("provenance.json");

    /// <summary>What <c>describe --json</c> says of the experiment: shapes, exact parameter counts, memory, training.</summary>
    public string Description => In("description.json");

    /// <summary>What a report of many runs tells of the plan.</summary>
    internal string Plan => In("plan.json");

    /// <summary>State of the run.</summary>
    public string Status => In(StatusName);

    /// <summary>One JSON object a line: steps, epochs, validations.</summary>
    public string Metrics => In(MetricsName);

    /// <summary>TensorBoard event files.</summary>
    public string Events => In(EventsName);

    /// <summary>Folder of the checkpoints.</summary>
    public string Checkpoints => In(CheckpointsName);

    /// <summary>Folder of what the run uses and does not change: <see cref="FrozenParts"/>.</summary>
    public string Frozen => In(FrozenName);

    /// <summary>Folder of the discriminator by which the sampler <c>diffrs</c> rejects.</summary>
    internal string Discriminator => In(DiscriminatorName);

    /// <summary>Folder of the latents that were computed for training, unless the experiment names another.</summary>
    public string Latents => In(LatentsName);

    /// <summary>Folder of the generated volumes.</summary>
    public string Samples => In("samples");

    /// <summary>Outcome of <c>evaluate</c>.</summary>
    public string Evaluation => In("evaluation.json");

    /// <summary>Folder of what the sweeps of samplers found.</summary>
    public string Sweeps => In(SweepsName);

    /// <summary>The report of this run.</summary>
    public string Report => In("report.md");

    /// <summary>Creates a new run's folder.</summary>
    /// <exception cref="RunFolderException">The folder exists and is not empty, or cannot be created.</exception>
    public static RunFolder Create(string path)
    {
        RefuseTaken(path);
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException($"{path} cannot be made a run's folder: {Unwritten.Why(e)}");
        }

        return new RunFolder(full);
    }

    /// <summary>
    /// The run, or the checkpoint, that a file or a folder belongs to and that would be damaged where something else were written there;
    /// null for any other place.
    /// </summary>
    /// <param name="path">The full path, without symbolic links.</param>
    internal static string? KeeperOf(string path)
    {
        for (var (child, folder) = (path, System.IO.Path.GetDirectoryName(path)); folder is not null; (child, folder) =
            (folder, System.IO.Path.GetDirectoryName(folder)))
        {
            var name = System.IO.Path.GetFileName(child);
            if (System.IO.Path.GetFileName(folder).StartsWith("step-", StringComparison.Ordinal)
                && File.Exists(System.IO.Path.Combine(folder, CheckpointStore.ManifestName)))
                return $"the checkpoint {folder}";
            if (IsRun(folder)
                && (name is CheckpointsName or FrozenName or DiscriminatorName or SweepsName or EventsName
                    || (child == path && IsOwn(path))))
                return $"the run {folder}";
        }

        return null;
    }

    /// <summary>Refuses a folder for a new run that holds something.</summary>
    /// <exception cref="RunFolderException">It does.</exception>
    public static void RefuseTaken(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (File.Exists(full) || (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any()))
            throw new RunFolderException($"{path} exists already; continue it with --resume or name another folder with --run");
    }

    /// <summary>Refuses a folder that <see cref="Create"/> would refuse; makes nothing.</summary>
    /// <exception cref="RunFolderException">It is taken, or cannot be made or written.</exception>
    public static void CheckNew(string path)
    {
        RefuseTaken(path);
        if (FolderAccess.WhyNotWritable(path) is { } why)
            throw new RunFolderException($"{path} cannot be made a run's folder: {why}");
    }

    // what else somebody keeps there is not touched
    internal static bool IsOwn(string file) => System.IO.Path.GetExtension(file) is ".json" or ".jsonl" or ".yaml" or ".lock";

    /// <summary>Refuses a run in whose folder nothing can be written, before the work whose outcome belongs there.</summary>
    /// <param name="doing">What is to be done to the run, such as <c>evaluated</c>.</param>
    /// <exception cref="RunFolderException">Nothing can.</exception>
    internal void RequireWritable(string doing)
    {
        if (FolderAccess.WhyNotWritable(Path) is { } why)
            throw new RunFolderException(
                $"{Path} cannot be {doing}, because it cannot be written ({why}); "
                + "make the folder writable, or copy the run to one that is");
    }

    /// <summary>The folder itself where it is there, and else the nearest of those above it that is.</summary>
    public static string NearestExisting(string path) => FolderAccess.NearestExisting(path);

    /// <summary>The folder of a run that another process is starting or continuing, with which this one trains.</summary>
    public static RunFolder Join(string path) => new(System.IO.Path.GetFullPath(path));

    /// <summary>Opens the folder of a run that was started before.</summary>
    /// <exception cref="RunFolderException">There is no run in that folder.</exception>
    public static RunFolder Open(string path)
    {
        var run = new RunFolder(System.IO.Path.GetFullPath(path));
        if (!Directory.Exists(run.Path))
            throw new RunFolderException($"{path}: no such run folder; train makes one{NearPaths.Suggestion(path, IsRun)}");
        RunFile.Require(run.Experiment);
        run.RequireReadable();
        return File.Exists(run.Experiment)
            ? run
            : throw new RunFolderException($"{path} is not a run folder: it has no experiment.yaml");
    }

    /// <summary>Refuses a run of which this user may not read what every verb begins with.</summary>
    private void RequireReadable()
    {
        Try(Path, () => Directory.EnumerateFileSystemEntries(Path).Any());
        Try(Experiment, () =>
        {
            if (File.Exists(Experiment))
                RegularFile.OpenRead(Experiment).Dispose();
        });
        Try(Checkpoints, () =>
        {
            if (Directory.Exists(Checkpoints))
                this.CheckpointNames();
        });

        void Try(string what, Action read)
        {
            try
            {
                read();
            }
            catch (UnauthorizedAccessException)
            {
                throw new RunFolderException(
                    $"{what} cannot be read, because this user may not; make it readable, or copy the run as a user who may read it");
            }
        }
    }

    /// <summary>Whether a folder is a run that was unpacked from an animal.</summary>
    internal static bool IsOfAnimal(string path) =>
        IsRun(path)
        && File.Exists(System.IO.Path.Combine(path, CardName))
        && Directory.Exists(System.IO.Path.Combine(path, CheckpointsName));

    private static bool IsRun(string path) => File.Exists(System.IO.Path.Combine(path, ExperimentName));

    /// <summary>
    /// Whether a folder holds what a run leaves that was killed before its experiment.yaml was written, and nothing else: it can be begun
    /// again, with what is there already.
    /// </summary>
    public static bool HasNotBegun(string path) =>
        Directory.Exists(path) && !File.Exists(System.IO.Path.Combine(path, ExperimentName))
        && Directory.EnumerateFileSystemEntries(path).Select(entry => System.IO.Path.GetFileName(entry))
            .All(name => BeforeTheRun.Contains(name) || AtomicFile.IsHalf(name));

    /// <summary>Whether a checkpoint was ever written, be it one that is broken now.</summary>
    public bool HasCheckpoints => Directory.Exists(Checkpoints) && !new CheckpointStore(Checkpoints).IsEmpty;

    /// <summary>
    /// How the run stands, for those who only look: what <see cref="ReadStatus"/> says, but of a run that is marked as running and that no
    /// process trains that it was interrupted.
    /// </summary>
    public RunStatus? ReadStanding() => ReadStatus() is { } status
        ? status.Status == RunState.Running && !this.IsLocked() ? status with { Status = RunState.Interrupted } : status
        : null;

    /// <summary>The run's status as its last process wrote it, or null before its first one was written.</summary>
    public RunStatus? ReadStatus() => RunFile.ReadJson<RunStatus>(Status, "remove it, the checkpoints do not need it");

    /// <summary>Replaces the run's status.</summary>
    public void WriteStatus(RunStatus status) => AtomicFile.WriteJson(Status, status);

    private string In(string name) => System.IO.Path.Combine(Path, name);
}

/// <summary>A run folder that is missing, in the way or damaged; the message is one sentence for the user.</summary>
/// <param name="message">The sentence.</param>
public sealed class RunFolderException(string message) : Exception(message);
