using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data;

/// <summary>A patient of a cohort.</summary>
/// <param name="Split">The split that the patient belongs to.</param>
/// <param name="Name">Name of the patient's folder.</param>
/// <param name="Folder">The patient's folder.</param>
/// <param name="Kinds">The kinds of image that the folder holds: those of the original in their order, then the others by name.</param>
public sealed record CohortPatient(string Split, string Name, string Folder, IReadOnlyList<string> Kinds)
{
    /// <summary>Why nothing stands for the patient that could be opened, as the end of a sentence, or null where it is a folder.</summary>
    internal string? Fault { get; init; }

    /// <summary>Where the patient's folder lies, which a link leads to.</summary>
    internal string Place =>
        Directory.ResolveLinkTarget(Path.GetFullPath(Folder), returnFinalTarget: true)?.FullName ?? Path.GetFullPath(Folder);

    /// <summary>Whether a file such as a list of patients stands there, which no one meant for one.</summary>
    internal bool IsNote => Fault is not null && Path.HasExtension(Name) && Notes.Contains(Path.GetExtension(Name).ToLowerInvariant());

    private static readonly string[] Notes =
    [
        ".txt", ".md", ".csv", ".tsv", ".json", ".yaml", ".yml", ".xml", ".pdf", ".html", ".log", ".xlsx", ".db", ".ini", ".sh", ".py",
    ];

    /// <summary>Path of the patient's image of that kind: <c>KIND.nii.gz</c>, or <c>KIND.nii</c> where there is only that.</summary>
    public string File(string kind) => Cohort.ImageOf(Folder, kind) ?? Path.Combine(Folder, kind + Cohort.Suffixes[0]);

    /// <summary>Name of a second file of that kind, which is not read, or null.</summary>
    internal string? Other(string kind) =>
        Cohort.Suffixes.Skip(1).Select(suffix => kind + suffix)
            .FirstOrDefault(name => System.IO.File.Exists(Path.Combine(Folder, name)) && Path.GetFileName(File(kind)) != name);
}

/// <summary>
/// A folder of patients: <c>DIR/{train,val,test}/PATIENT/KIND.nii.gz</c> or <c>.nii</c>, any subset of splits and of images, whose names
/// are the cohort's own (<see cref="ImageKinds"/>). One that was imported holds <c>cohort.json</c>.
/// </summary>
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

    private readonly IReadOnlyList<CohortPatient> _entries;
    private readonly HashSet<string> _checked = [];
    private readonly List<CohortFinding> _findings;
    private readonly CopySearch _copies = new();
    private int _told;

    private Cohort(string folder, IReadOnlyList<CohortPatient> entries)
    {
        Folder = folder;
        _entries = entries;
        Patients = [.. entries.Where(patient => patient.Kinds.Count > 0)];
        Kinds = ImageKinds.Ordered(Patients.SelectMany(patient => patient.Kinds));
        Sheet = CohortSheet.Read(folder);
        _findings = [.. CohortCheck.Folders(this)];
    }

    /// <summary>The cohort's folder.</summary>
    public string Folder { get; }

    /// <summary>All patients, by split and then by name in ordinal order, so that a patient's place is the same everywhere.</summary>
    public IReadOnlyList<CohortPatient> Patients { get; }

    /// <summary>The kinds of image that any of them has.</summary>
    public IReadOnlyList<string> Kinds { get; }

    /// <summary>What <c>data import</c> recorded of it, or null where it was not imported.</summary>
    public CohortSheet? Sheet { get; }

    /// <summary>
    /// What was found of it so far that is no reason to refuse it: patients that are left out, labels that are merged and the like.
    /// </summary>
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
    /// <exception cref="PlanException">
    /// There is no such folder, no patient in it, or its import is not finished. Its key is <c>cohort</c>.
    /// </exception>
    public static Cohort Open(string folder)
    {
        if (folder.Trim().Length == 0 || !Directory.Exists(folder) || FolderEntry.WhyNotListed(folder) is not null)
            throw new PlanException(WhyNoFolder(folder), "cohort");

        CohortSheet.RefuseUnfinished(folder);
        foreach (var split in AllSplits)
        {
            if (FolderEntry.WhyNotListed(Path.Combine(folder, split)) is { } why)
                throw new PlanException(
                    $"'{Path.Combine(folder, split)}' {why}; a split is a folder of patients: put back what it stands for, or take it out.",
                    "cohort");
        }

        var splits = AllSplits.Where(split => Directory.Exists(Path.Combine(folder, split))).ToArray();
        if (splits.Length == 0)
        {
            throw new PlanException(
                $"the cohort '{folder}' has none of the folders train, val and test; "
                + $"put each patient's folder into one of them, or have `data import {folder} --to COHORT` do it.",
                "cohort");
        }

        var entries = splits.SelectMany(split => EntriesOf(folder, split)).ToArray();
        if (!entries.Any(patient => patient.Kinds.Count > 0))
        {
            var fault = entries.FirstOrDefault(entry => entry is { Fault: not null, IsNote: false });
            throw new PlanException(
                $"the cohort '{folder}' has no patient with a file such as bravo.nii.gz in "
                + $"{string.Join(", ", splits)}{(fault is null ? "" : $": '{fault.Folder}' {fault.Fault}")}.",
                "cohort");
        }

        return new Cohort(folder, entries);
    }

    private static string WhyNoFolder(string folder)
    {
        if (folder.Trim().Length == 0)
            return "the cohort's name is empty; name a folder with train, val and test, or make one with `data synthesize`.";
        return FolderEntry.WhyNotListed(folder) switch
        {
            null => $"the cohort '{folder}' does not exist; name a folder with train, val and test, "
                + $"or make one with `data synthesize`{NearPaths.Suggestion(folder, IsCohort)}.",
            FolderEntry.Denied => $"the cohort '{folder}' {FolderEntry.Denied}; have it opened to you, or name another one.",
            var why => $"'{folder}' {why}: a cohort is a folder with train, val and test, and `data info FILE` tells of one volume.",
        };
    }

    private static bool IsCohort(string folder) => AllSplits.Any(split => Directory.Exists(Path.Combine(folder, split)));

    /// <summary>The file of a kind of image in a patient's folder, or null.</summary>
    internal static string? ImageOf(string patient, string kind) =>
        Suffixes.Select(suffix => Path.Combine(patient, kind + suffix)).FirstOrDefault(File.Exists);

    /// <summary>The kinds of image that a patient's folder holds.</summary>
    internal static IReadOnlyList<string> KindsOf(string patient)
    {
        try
        {
            return ImageKinds.Ordered(Directory.EnumerateFiles(patient).Select(file => KindOf(Path.GetFileName(file))).OfType<string>()
                .Where(kind => ImageKinds.IsName(kind) && ImageOf(patient, kind) is not null));
        }
        catch (UnauthorizedAccessException)
        {
            // it may be entered all the same, and files opened whose names are known
            return [.. ImageKinds.Original.Where(kind => ImageOf(patient, kind) is not null)];
        }
    }

    /// <summary>What the name of an image says before its suffix, or null where it has no such suffix.</summary>
    private static string? KindOf(string name) =>
        Suffixes.Where(suffix => name.EndsWith(suffix, StringComparison.Ordinal)).Select(suffix => name[..^suffix.Length]).FirstOrDefault();

    /// <summary>Refuses kinds of image that no patient has.</summary>
    /// <param name="kinds">The kinds.</param>
    /// <param name="key">The key that names them.</param>
    /// <exception cref="PlanException">There is one.</exception>
    internal void RequireKinds(IEnumerable<string> kinds, string? key)
    {
        if (kinds.Except(Kinds).FirstOrDefault() is { } unknown)
            throw new PlanException(
                $"the cohort '{Folder}' has no image '{unknown}'; "
                + $"its kinds are {string.Join(", ", Kinds)}{Spelling.Suggestion(unknown, Kinds)}",
                key);
    }

    /// <summary>Names that a patient's folder has in capital letters, as they would be read.</summary>
    private static IEnumerable<string> Lowered(string patient) =>
        Directory.EnumerateFiles(patient).Select(file => KindOf(Path.GetFileName(file).ToLowerInvariant()))
            .OfType<string>().Where(ImageKinds.IsName);

    /// <summary>What a folder without images holds instead.</summary>
    internal string WhyNoImage(CohortPatient patient) =>
        "holds no image under a name that is read, "
        + $"such as {Kinds[0]}.nii.gz{Lookalike(patient.Folder, [.. Kinds.Union(ImageKinds.Original).Union(Lowered(patient.Folder))])}";

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

    /// <summary>
    /// What stands beside a split's patients: folders that hold no image under a name that is read, dead links and
    /// files, as patients without any.
    /// </summary>
    internal IReadOnlyList<CohortPatient> WithoutImages(string split) =>
        [.. _entries.Where(entry => entry.Split == split && entry.Kinds.Count == 0)];

    /// <summary>
    /// All entries of a split that stand for a patient, with images or without; a hidden one, such as an editor's, stands for
    /// none, nor does a list of them.
    /// </summary>
    internal IReadOnlyList<CohortPatient> Listed(string split) =>
        [.. Of(split), .. WithoutImages(split).Where(patient => !patient.Name.StartsWith('.') && !patient.IsNote)];

    /// <summary>Whether a split has patients, be it such that cannot be used: who passes over it then would do so without a word.</summary>
    internal bool Has(string split) => Listed(split).Count > 0;

    /// <summary>
    /// What of a patient's folder looks like an image that is missing and is none, in parentheses after a blank; empty where nothing does.
    /// </summary>
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

    private static IEnumerable<CohortPatient> EntriesOf(string folder, string split) =>
        from entry in Directory.GetFileSystemEntries(Path.Combine(folder, split)).Order(StringComparer.Ordinal)
        let name = Path.GetFileName(entry)
        let fault = FolderEntry.WhyNotUsable(entry)
        where fault is null || !name.StartsWith('.')
        select new CohortPatient(split, name, entry, fault is null ? KindsOf(entry) : []) { Fault = fault };
}
