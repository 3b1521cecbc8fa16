using System.Text.Json.Nodes;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Patients;

/// <summary>
/// A folder of generated patients: <c>00000/{seg,…}.nii.gz + patient.json</c>, each there as a whole or not at all, <c>bins.csv</c>, and
/// <c>generate.json</c>, which says what they are made by, so that none is added that was made otherwise.
/// </summary>
internal sealed class PatientFolder : IDisposable
{
    /// <summary>Name of a patient's record.</summary>
    public const string RecordName = "patient.json";

    private const string RequestName = "generate.json", TableName = "bins.csv", LockName = ".lock", Half = ".tmp-";

    private readonly string _folder;
    private readonly FileStream? _lock; // the first process's

    /// <summary>Makes the folder, or goes on with one.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="request">What patients are made by.</param>
    /// <param name="collective">The processes that write into it, of which the first holds it for all.</param>
    /// <exception cref="RunFolderException">
    /// It holds something else, patients that were made otherwise, or another process writes into it.
    /// </exception>
    public PatientFolder(string folder, JsonNode request, ICollective collective)
    {
        _folder = folder;
        FileStream? held = null;
        collective.ByFirst(() => held = Unwritten.Named(folder, () => Open(request)));
        _lock = held;
    }

    /// <summary>A patient's name.</summary>
    public static string Name(int number) => $"{number:D5}";

    /// <summary>The file of a patient's image.</summary>
    public static string FileOf(string kind) => $"{kind}.nii.gz";

    /// <summary>Whether the patient of that number is there as it was written.</summary>
    /// <param name="number">The number.</param>
    /// <param name="kinds">The images that it has to have.</param>
    /// <param name="warn">Is told of a patient that was there and is damaged.</param>
    /// <exception cref="RunFolderException">Its record cannot be read, or something else stands in the place of a file.</exception>
    public bool Has(int number, IEnumerable<string> kinds, Action<string>? warn = null)
    {
        if (Record(In(Name(number), RecordName)) is not { } record)
            return false;
        if (kinds.Select(kind => Damage(In(Name(number)), FileOf(kind), record)).OfType<string>().FirstOrDefault() is not { } damage)
            return true;
        warn?.Invoke($"{In(Name(number))}: {damage}; the patient is made again");
        return false;
    }

    /// <summary>What is wrong with one of a patient's volumes; null where nothing is.</summary>
    private static string? Damage(string patient, string name, PatientRecord record)
    {
        var path = Path.Combine(patient, name);
        RunFile.Require(path);
        return !File.Exists(path) ? $"{name} is missing"
            : record.Files is { } files && files.GetValueOrDefault(name) != FileFacts.Hash(path) ? $"{name} is not what was written"
            : null;
    }

    /// <summary>The records of the patients that are there, by number.</summary>
    public IReadOnlyList<PatientRecord> Records() =>
    [
        .. Directory.EnumerateDirectories(_folder)
            .Where(patient => !Path.GetFileName(patient).StartsWith('.')).Order(StringComparer.Ordinal)
            .Select(patient => Path.Combine(patient, RecordName))
            .Select(Record).OfType<PatientRecord>(),
    ];

    private static PatientRecord? Record(string path) => RunFile.ReadJson<PatientRecord>(path, "remove the patient, to make it anew");

    /// <summary>Writes a patient, in place of what is there of it.</summary>
    /// <param name="record">How it came about.</param>
    /// <param name="fill">Writes its images into the folder that it is given.</param>
    public void Write(PatientRecord record, Action<string> fill)
    {
        var temporary = In($"{Half}{record.Patient}");
        Unwritten.Named(
            In(record.Patient),
            () =>
            {
                Directory.CreateDirectory(temporary);
                fill(temporary);
                var files = Directory.GetFiles(temporary).Order(StringComparer.Ordinal)
                    .ToDictionary(file => Path.GetFileName(file), FileFacts.Hash);
                AtomicFile.WriteJson(Path.Combine(temporary, RecordName), record with { Files = files });
                if (Directory.Exists(In(record.Patient)))
                    Replace(temporary, In(record.Patient));
                else
                    Directory.Move(temporary, In(record.Patient));
            },
            temporary);
    }

    /// <summary>
    /// Its record goes first and comes last, so that a kill in between leaves no patient; files that are not a patient's stay.
    /// </summary>
    private static void Replace(string temporary, string patient)
    {
        var record = Path.Combine(temporary, RecordName);
        File.Delete(Path.Combine(patient, RecordName));
        foreach (var file in Directory.GetFiles(temporary).Where(file => file != record).Append(record))
            File.Move(file, Path.Combine(patient, Path.GetFileName(file)), overwrite: true);
        Directory.Delete(temporary);
    }

    /// <summary>Writes the table of all patients that are there.</summary>
    public void WriteTable() => AtomicFile.WriteText(In(TableName), PatientRecord.Table(Records()));

    private FileStream Open(JsonNode request)
    {
        Directory.CreateDirectory(_folder);
        var held = Hold();
        try
        {
            if (File.Exists(In(RequestName)))
                Compare(RunFile.ReadJson<JsonObject>(In(RequestName), "remove the folder, or name another one")!, request);
            else if (Directory.EnumerateFileSystemEntries(_folder).Select(Path.GetFileName)
                .FirstOrDefault(name => name != LockName) is { } other)
                throw new RunFolderException(
                    $"{_folder} has no {RequestName} and holds {other}, so it is no folder of generated patients; "
                    + "name another one, or an empty one");
            else
                AtomicFile.WriteJson(In(RequestName), request);
            foreach (var half in Directory.EnumerateDirectories(_folder, $"{Half}*").ToArray())
                Directory.Delete(half, recursive: true);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private FileStream Hold()
    {
        try
        {
            return new FileStream(In(LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (HeldFile.IsByAnother(e))
        {
            throw new RunFolderException($"another process writes patients into {_folder}; wait for it, or name another folder");
        }
    }

    private void Compare(JsonObject before, JsonNode request)
    {
        if (Difference(before, request, "") is { } difference)
            throw new RunFolderException(
                $"the patients in {_folder} were made otherwise: {difference}; give what they were made with, or name another folder");
    }

    /// <summary>The first value that is another, in words; null where none is.</summary>
    private static string? Difference(JsonNode? before, JsonNode? now, string path)
    {
        if (before is JsonObject was && now is JsonObject has)
        {
            var keys = was.Select(pair => pair.Key).Union(has.Select(pair => pair.Key));
            return keys.Select(key => Difference(was[key], has[key], path.Length == 0 ? key : $"{path}.{key}"))
                .OfType<string>().FirstOrDefault();
        }

        return JsonNode.DeepEquals(before, now) ? null : $"{path} was {Shown(before)} and is {Shown(now)}";
    }

    private static string Shown(JsonNode? value) => value?.ToJsonString() ?? "not given";

    private string In(params ReadOnlySpan<string> names) => Path.Combine([_folder, .. names]);

    /// <summary>Lets others write into the folder.</summary>
    public void Dispose() => _lock?.Dispose();
}
