using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>A patient of a cohort.</summary>
/// <param name="Split">The split that the patient belongs to.</param>
/// <param name="Name">Name of the patient's folder.</param>
/// <param name="Folder">The patient's folder.</param>
/// <param name="Kinds">The kinds of image that the folder holds, in the order of <see cref="ImageKinds.All"/>.</param>
public sealed record CohortPatient(string Split, string Name, string Folder, IReadOnlyList<string> Kinds)
{
    /// <summary>Path of the patient's image of that kind: <c>KIND.nii.gz</c>, or <c>KIND.nii</c> where there is only that.</summary>
    public string File(string kind) => Cohort.ImageOf(Folder, kind) ?? Path.Combine(Folder, kind + Cohort.Suffixes[0]);

    /// <summary>Name of a second file of that kind, which is not read, or null.</summary>
    internal string? Other(string kind) =>
        Cohort.Suffixes.Skip(1).Select(suffix => kind + suffix).FirstOrDefault(name => System.IO.File.Exists(Path.Combine(Folder, name)) && Path.GetFileName(File(kind)) != name);
}

/// <summary>A folder of patients: <c>DIR/{train,val,test}/PATIENT/{bravo,flair,t1_pre,t1_gd,seg}.nii.gz</c> or <c>.nii</c>, any subset of splits and images.</summary>
public sealed class Cohort
{
    /// <summary>The split that is trained on.</summary>
    public const string Train = "train";

    /// <summary>The split that validates during training.</summary>
    public const string Val = "val";

    /// <summary>The split that is looked at in the end.</summary>
    public const string Test = "test";

    /// <summary>What the names of images end with; the first that is there is read.</summary>
    internal static IReadOnlyList<string> Suffixes { get; } = [".nii.gz", ".nii"];

    /// <summary>All splits.</summary>
    public static IReadOnlyList<string> AllSplits { get; } = [Train, Val, Test];

    private readonly HashSet<string> _checked = [];
    private readonly List<CohortFinding> _findings;
    private readonly CopySearch _copies = new();
    private int _told;

    private Cohort(string folder, IReadOnlyList<CohortPatient> patients)
    {
        Folder = folder;
        Patients = patients;
        _findings = [.. CohortCheck.Folders(this)];
    }

    /// <summary>The cohort's folder.</summary>
    public string Folder { get; }

    /// <summary>All patients, by split and then by name in ordinal order, so that a patient's place is the same everywhere.</summary>
    public IReadOnlyList<CohortPatient> Patients { get; }

    /// <summary>What was found of it so far that is no reason to refuse it: patients that are left out, labels that are merged and the like.</summary>
    public IReadOnlyList<CohortFinding> Findings
    {
        get
        {
            lock (_checked)
                return [.. _findings];
        }
    }

    /// <summary>The patients of one split, sorted by name; none where the split has no folder.</summary>
    public IReadOnlyList<CohortPatient> Of(string split) => [.. Patients.Where(patient => patient.Split == split)];

    /// <summary>Lists the patients; no image is opened.</summary>
    /// <exception cref="PlanException">There is no such folder, or no patient in it. Its key is <c>cohort</c>.</exception>
    public static Cohort Open(string folder)
    {
        if (!Directory.Exists(folder))
            throw new PlanException(WhyNoFolder(folder), "cohort");

        var splits = AllSplits.Where(split => Directory.Exists(Path.Combine(folder, split))).ToArray();
        if (splits.Length == 0)
        {
            throw new PlanException(
                $"the cohort '{folder}' has none of the folders train, val and test; put each patient's folder into one of them.", "cohort");
        }

        var patients = splits.SelectMany(split => PatientsOf(folder, split)).ToArray();
        if (patients.Length == 0)
            throw new PlanException($"the cohort '{folder}' has no patient with a file such as bravo.nii.gz in {string.Join(", ", splits)}.", "cohort");
        return new Cohort(folder, patients);
    }

    private static string WhyNoFolder(string folder) =>
        folder.Trim().Length == 0
            ? "the cohort's name is empty; name a folder with train, val and test, or make one with `data synthesize`."
            : Path.Exists(folder)
                ? $"'{folder}' is a file, not a folder: a cohort is a folder with train, val and test, and `data info FILE` tells of one volume."
                : $"the cohort '{folder}' does not exist; name a folder with train, val and test, or make one with `data synthesize`{NearPaths.Suggestion(folder, IsCohort)}.";

    private static bool IsCohort(string folder) => AllSplits.Any(split => Directory.Exists(Path.Combine(folder, split)));

    /// <summary>The file of a kind of image in a patient's folder, or null.</summary>
    internal static string? ImageOf(string patient, string kind) => Suffixes.Select(suffix => Path.Combine(patient, kind + suffix)).FirstOrDefault(File.Exists);

    /// <summary>The kinds of image that a patient's folder holds.</summary>
    internal static IReadOnlyList<string> KindsOf(string patient) => [.. ImageKinds.All.Where(kind => ImageOf(patient, kind) is not null)];

    /// <summary>Those of <see cref="Findings"/> that this method has not given before, so that each is told once.</summary>
    public IReadOnlyList<CohortFinding> News()
    {
        lock (_checked)
        {
            CohortFinding[] news = [.. _findings.Skip(_told)];
            _told = _findings.Count;
            return news;
        }
    }

    /// <summary>Whether a patient's images were found to be fit for use.</summary>
    internal bool IsChecked(CohortPatient patient, IReadOnlyList<string> kinds)
    {
        lock (_checked)
            return _checked.Contains(Key(patient, kinds));
    }

    /// <summary>Keeps what was found of patients that can be used.</summary>
    internal void Remember(IReadOnlyList<CheckedPatient> patients, IReadOnlyList<string> kinds)
    {
        lock (_checked)
        {
            foreach (var one in patients.Where(one => _checked.Add(Key(one.Patient, kinds))))
                _findings.AddRange(one.Findings.Concat(_copies.Add(one)).Except(_findings));
        }
    }

    /// <summary>Keeps what was found.</summary>
    internal void Remember(IEnumerable<CohortFinding> findings)
    {
        lock (_checked)
            _findings.AddRange(findings.Except(_findings).ToArray());
    }

    private static string Key(CohortPatient patient, IReadOnlyList<string> kinds) => $"{patient.Folder} {string.Join('+', kinds)}";

    /// <summary>Folders beside a split's patients that hold no image under a name that is read, as patients without any.</summary>
    internal IReadOnlyList<CohortPatient> WithoutImages(string split)
    {
        if (!Directory.Exists(Path.Combine(Folder, split)))
            return [];
        var known = Of(split).Select(patient => patient.Folder).ToHashSet();
        var others = Directory.GetDirectories(Path.Combine(Folder, split)).Order(StringComparer.Ordinal).Where(folder => !known.Contains(folder));
        return [.. others.Select(folder => new CohortPatient(split, Path.GetFileName(folder), folder, []))];
    }

    /// <summary>All folders of a split that stand for a patient, with images or without; a hidden one, such as an editor's, stands for none.</summary>
    internal IReadOnlyList<CohortPatient> Listed(string split) => [.. Of(split), .. WithoutImages(split).Where(patient => !patient.Name.StartsWith('.'))];

    /// <summary>What of a patient's folder looks like an image that is missing and is none, in parentheses after a blank; empty where nothing does.</summary>
    internal static string Lookalike(string patient, IEnumerable<string> kinds)
    {
        string[] names = [.. kinds.SelectMany(kind => Suffixes.Select(suffix => kind + suffix))];
        var all = new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = 0 };
        foreach (var entry in Directory.EnumerateFileSystemEntries(patient, "*", all).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(entry);
            if (names.FirstOrDefault(one => string.Equals(one, name, StringComparison.OrdinalIgnoreCase)) is not { } meant)
                continue;
            if (Directory.Exists(entry))
                return $" ({name} is a folder, and an image is a file)";
            if (name != meant)
                return $" ({name} is not read; rename it to {meant})";
            return $" ({name} cannot be opened: a link that leads nowhere)";
        }

        return "";
    }

    private static IEnumerable<CohortPatient> PatientsOf(string folder, string split) =>
        from patient in Directory.GetDirectories(Path.Combine(folder, split)).Order(StringComparer.Ordinal)
        let kinds = KindsOf(patient)
        where kinds.Count > 0
        select new CohortPatient(split, Path.GetFileName(patient), patient, kinds);
}
