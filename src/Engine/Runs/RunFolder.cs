using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>The folder of one run: everything that training leaves and every later verb starts from.</summary>
public sealed class RunFolder
{
    /// <summary>Name of the folder of runs that a run trained first, and uses.</summary>
    public const string FirstName = "first";

    private const string ExperimentName = "experiment.yaml", SealName = "experiment.seal.json", StatusName = "status.json", MetricsName = "metrics.jsonl";
    private const string CheckpointsName = "checkpoints", LockName = "train.lock", CohortName = "cohort", FrozenName = "frozen", LatentsName = "latents";
    private const string CardName = "card.yaml", EventsName = "events", SweepsName = "sweeps", DiscriminatorName = "diffrs";

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

    /// <summary>The run, or the checkpoint, that a file or a folder belongs to and that would be damaged where something else were written there; null for any other place.</summary>
    /// <param name="path">The full path, without symbolic links.</param>
    internal static string? KeeperOf(string path)
    {
        for (var (child, folder) = (path, System.IO.Path.GetDirectoryName(path)); folder is not null; (child, folder) = (folder, System.IO.Path.GetDirectoryName(folder)))
        {
            var name = System.IO.Path.GetFileName(child);
            if (System.IO.Path.GetFileName(folder).StartsWith("step-", StringComparison.Ordinal) && File.Exists(System.IO.Path.Combine(folder, CheckpointStore.ManifestName)))
                return $"the checkpoint {folder}";
            if (IsRun(folder) && (name is CheckpointsName or FrozenName or DiscriminatorName or SweepsName or EventsName || (child == path && IsOwn(path))))
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

    /// <summary>Refuses a run in which a pipe, a device or a circle of links stands where training reads or goes on writing a file.</summary>
    /// <exception cref="RunFolderException">One does.</exception>
    private void CheckFiles()
    {
        var all = new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = 0 };
        var deep = new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = 0, RecurseSubdirectories = true, MaxRecursionDepth = 3 };
        var within = new[] { Events, Checkpoints, Frozen }.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*", deep));
        foreach (var file in Directory.EnumerateFiles(Path, "*", all).Where(IsOwn).Concat(within))
            RequireFile(file);
    }

    // what else somebody keeps there is not touched
    private static bool IsOwn(string file) => System.IO.Path.GetExtension(file) is ".json" or ".jsonl" or ".yaml" or ".lock";

    /// <summary>Refuses a run that <see cref="Lock"/> would refuse; holds and makes nothing.</summary>
    /// <exception cref="RunFolderException">Another process trains it, it cannot be written, or a file of it is none.</exception>
    public void CheckLock()
    {
        if (IsLocked())
            throw new RunFolderException($"{Path} is being trained by another process; wait for that one, or stop it");
        CheckFiles();
        RequireWritable("trained");
    }

    /// <summary>Refuses a run in whose folder nothing can be written, before the work whose outcome belongs there.</summary>
    /// <param name="doing">What is to be done to the run, such as <c>evaluated</c>.</param>
    /// <exception cref="RunFolderException">Nothing can.</exception>
    internal void RequireWritable(string doing)
    {
        if (FolderAccess.WhyNotWritable(Path) is { } why)
            throw new RunFolderException($"{Path} cannot be {doing}, because it cannot be written ({why}); make the folder writable, or copy the run to one that is");
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
        RequireFile(run.Experiment);
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
                CheckpointNames();
        });

        void Try(string what, Action read)
        {
            try
            {
                read();
            }
            catch (UnauthorizedAccessException)
            {
                throw new RunFolderException($"{what} cannot be read, because this user may not; make it readable, or copy the run as a user who may read it");
            }
        }
    }

    /// <summary>Whether a folder is a run that was unpacked from an animal.</summary>
    internal static bool IsOfAnimal(string path) => IsRun(path) && File.Exists(System.IO.Path.Combine(path, CardName)) && Directory.Exists(System.IO.Path.Combine(path, CheckpointsName));

    private static bool IsRun(string path) => File.Exists(System.IO.Path.Combine(path, ExperimentName));

    /// <summary>
    /// Whether a folder holds what a run leaves that was killed before its experiment.yaml was written, and nothing else: it can be begun again, with what
    /// is there already.
    /// </summary>
    public static bool HasNotBegun(string path) =>
        Directory.Exists(path) && !File.Exists(System.IO.Path.Combine(path, ExperimentName))
        && Directory.EnumerateFileSystemEntries(path).Select(entry => System.IO.Path.GetFileName(entry)).All(name => BeforeTheRun.Contains(name) || name.EndsWith(".tmp", StringComparison.Ordinal));

    /// <summary>Whether a checkpoint was ever written, be it one that is broken now.</summary>
    public bool HasCheckpoints => Directory.Exists(Checkpoints) && !new CheckpointStore(Checkpoints).IsEmpty;

    /// <summary>Keeps other processes from training this run until the lock is disposed or this process ends, however it ends.</summary>
    /// <exception cref="RunFolderException">Another process trains it, or a file of it is none.</exception>
    public IDisposable Lock()
    {
        var held = Hold(In(LockName), "trained");
        try
        {
            CheckFiles(); // of a run that changes under the eyes, names come and go
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Holds a file of the run, whose folder is made, for as long as this process lives and the lock is not disposed.</summary>
    /// <param name="file">The file.</param>
    /// <param name="doing">What is done to the run meanwhile, such as <c>trained</c>.</param>
    /// <exception cref="RunFolderException">Another process holds it, or it cannot be written.</exception>
    internal IDisposable Hold(string file, string doing)
    {
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            throw new RunFolderException($"{Path} is being {doing} by another process ({e.Message}); wait for that one, or stop it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException($"{Path} cannot be {doing}, because {file} cannot be written ({Unwritten.Why(e)}); make room there or the folder writable, or copy the run to one that is");
        }
    }

    /// <summary>Whether a file could not be opened because a process has it open for itself alone: the system's EWOULDBLOCK, as .NET hands it on.</summary>
    internal static bool IsHeldByAnother(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    /// <summary>Whether a process holds <see cref="Lock"/>; on a file system that does not share locks, one of this machine.</summary>
    public bool IsLocked()
    {
        if (RegularFile.WhyNot(In(LockName)) is not null)
            return false; // no process holds what is no file
        try
        {
            using var shared = new FileStream(In(LockName), FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException e)
        {
            return IsHeldByAnother(e);
        }
        catch (UnauthorizedAccessException)
        {
            return false; // it cannot be read, so that nothing is known
        }
    }

    /// <summary>
    /// How the run stands, for those who only look: what <see cref="ReadStatus"/> says, but of a run that is marked as running and that no process trains
    /// that it was interrupted.
    /// </summary>
    public RunStatus? ReadStanding() => ReadStatus() is { } status
        ? status.Status == RunState.Running && !IsLocked() ? status with { Status = RunState.Interrupted } : status
        : null;

    /// <summary>The run's status as its last process wrote it, or null before its first one was written.</summary>
    public RunStatus? ReadStatus() => ReadJson<RunStatus>(Status, "remove it, the checkpoints do not need it");

    /// <summary>Refuses what stands in the place of a run's file and is none; to open it would wait for ever.</summary>
    /// <exception cref="RunFolderException">It is a pipe, a device or a circle of links.</exception>
    internal static void RequireFile(string path)
    {
        if (RegularFile.WhyNot(path) is { } why)
            throw new RunFolderException($"{path}: {why.TrimEnd('.')}");
    }

    /// <summary>What a JSON file of a run says, or null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="remedy">What to do where it is damaged.</param>
    /// <exception cref="RunFolderException">It is damaged.</exception>
    public static T? ReadJson<T>(string path, string remedy)
        where T : class
    {
        RequireFile(path);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<T>(RegularFile.ReadText(path), AtomicFile.Json) : null;
        }
        catch (JsonException e)
        {
            throw new RunFolderException($"{path} cannot be read ({JsonFault.Why(e)}); {remedy}");
        }
    }

    /// <summary>What a JSON file of a run says that holds its own hash, or null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="remedy">What to do where it was changed or is damaged.</param>
    /// <exception cref="RunFolderException">It is.</exception>
    internal static T? ReadSealed<T>(string path, string remedy)
        where T : class
    {
        RequireFile(path);
        try
        {
            return File.Exists(path) ? SealedJson.Read<T>(RegularFile.ReadText(path)) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new RunFolderException($"{path} cannot be read ({JsonFault.Why(e)}); {remedy}");
        }
    }

    /// <summary>What a JSON file of a run says that has a version, or null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="version">The version of its layout that this program reads.</param>
    /// <param name="remedy">What to do where it is damaged, or of another version.</param>
    /// <exception cref="RunFolderException">It is.</exception>
    internal static T? ReadJson<T>(string path, int version, string remedy)
        where T : class, IVersionedFile
    {
        var file = ReadJson<T>(path, remedy);
        return file is null || file.Format == version
            ? file
            : throw new RunFolderException($"the layout of {path} is version {file.Format}, this program reads version {version}; {remedy}");
    }

    /// <summary>A checkpoint of the run; where the one that is asked for is damaged, the newest other one that verifies.</summary>
    /// <param name="pointer"><c>best</c>, <c>latest</c> or <c>best_generation</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies, or the run never had one of that name.</exception>
    public Checkpoint OpenCheckpoint(string pointer, Action<string> warn)
    {
        string? first = null;
        var store = !Directory.Exists(Checkpoints) ? null : new CheckpointStore(Checkpoints);
        if (pointer == EvaluatedOptions.BestGeneration && store is { IsEmpty: false } && !store.Has(pointer))
            throw new RunFolderException(
                $"{Path} has no checkpoint {pointer}: its training measured no generated volumes (training.generation), or none with success; "
                + "name best or latest");
        var found = store?.Open(pointer, sentence =>
        {
            first ??= sentence;
            warn(sentence);
        });
        return found ?? throw new RunFolderException($"{Path} has no checkpoint that can be read; {(first is null ? "train it first" : $"restore what it lost ({first}), or use another run")}");
    }

    /// <summary>
    /// Reads a checkpoint as a whole. Training may remove it meanwhile, because it has a better or a later one: then that is read.
    /// </summary>
    /// <param name="name"><c>best</c>, <c>latest</c>, <c>best_generation</c> or <c>step-XXXXXXXX</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies, or the run never had one of that name.</exception>
    internal T UseCheckpoint<T>(string name, Action<string> warn, Func<Checkpoint, T> read)
    {
        for (var attempt = 1; ; attempt++)
        {
            var checkpoint = OpenNamedCheckpoint(name, warn);
            try
            {
                return read(checkpoint);
            }
            catch (IOException) when (attempt < CheckpointStore.MostAttempts && !Directory.Exists(checkpoint.Folder))
            {
                // the next one
            }
        }
    }

    /// <summary>Opens the checkpoint that a pointer names, or the one of a name of its own.</summary>
    /// <param name="name"><c>best</c>, <c>latest</c> or <c>step-XXXXXXXX</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over, where a pointer was given.</param>
    /// <exception cref="RunFolderException">There is none such that verifies.</exception>
    public Checkpoint OpenNamedCheckpoint(string name, Action<string> warn)
    {
        if (!name.StartsWith("step-", StringComparison.Ordinal))
            return OpenCheckpoint(name, warn);
        if (!CheckpointNames().Contains(name))
            throw new RunFolderException($"{Path} has no checkpoint {name}{Spelling.Suggestion(name, CheckpointNames())} (it has {string.Join(", ", CheckpointNames().DefaultIfEmpty("none"))})");
        return new CheckpointStore(Checkpoints).OpenExactly(name) is var (found, why) && found is not null
            ? found
            : throw new RunFolderException($"the checkpoint {name} of {Path} cannot be read ({why}); name another one, or restore it");
    }

    /// <summary>The names of its checkpoints, from the first on.</summary>
    public IReadOnlyList<string> CheckpointNames() => Directory.Exists(Checkpoints) ? new CheckpointStore(Checkpoints).Names() : [];

    /// <summary>The checkpoint from which the run goes on, or null for one that was ended before its first. Changes nothing.</summary>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There are checkpoints, and none of them verifies.</exception>
    public Checkpoint? FindLatest(Action<string> warn) => !HasCheckpoints ? null : new CheckpointStore(Checkpoints).Open("latest", warn) ?? throw WithoutReadable();

    /// <summary>What is said where no checkpoint can be read.</summary>
    internal RunFolderException WithoutReadable() =>
        new($"{Path} has checkpoints and none of them can be read, so it cannot be continued; train anew into another folder with --run");

    /// <summary>Replaces the run's status.</summary>
    public void WriteStatus(RunStatus status) => AtomicFile.WriteJson(Status, status);

    private string In(string name) => System.IO.Path.Combine(Path, name);
}

/// <summary>A file that says which version its layout is.</summary>
internal interface IVersionedFile
{
    /// <summary>Version of the file's layout.</summary>
    int Format { get; }
}

/// <summary>A run folder that is missing, in the way or damaged; the message is one sentence for the user.</summary>
/// <param name="message">The sentence.</param>
public sealed class RunFolderException(string message) : Exception(message);
