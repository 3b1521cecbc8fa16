using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>A patient of a cohort.</summary>
/// <param name="Split">The split that the patient belongs to.</param>
/// <param name="Name">Name of the patient's folder.</param>
/// <param name="Folder">The patient's folder.</param>
/// <param name="Kinds">The kinds of image that the folder holds, in the order of <see cref="ImageKinds.All"/>.</param>
public sealed record CohortPatient(string Split, string Name, string Folder, IReadOnlyList<string> Kinds)
{
    /// <summary>Path of the patient's image of that kind.</summary>
    public string File(string kind) => Path.Combine(Folder, kind + ".nii.gz");
}

/// <summary>A folder of patients: <c>DIR/{train,val,test}/PATIENT/{bravo,flair,t1_pre,t1_gd,seg}.nii.gz</c>, any subset of splits and images.</summary>
public sealed class Cohort
{
    /// <summary>The split that is trained on.</summary>
    public const string Train = "train";

    /// <summary>The split that validates during training.</summary>
    public const string Val = "val";

    /// <summary>The split that is looked at in the end.</summary>
    public const string Test = "test";

    /// <summary>All splits.</summary>
    public static IReadOnlyList<string> AllSplits { get; } = [Train, Val, Test];

    private Cohort(string folder, IReadOnlyList<CohortPatient> patients)
    {
        Folder = folder;
        Patients = patients;
    }

    /// <summary>The cohort's folder.</summary>
    public string Folder { get; }

    /// <summary>All patients, by split and then by name in ordinal order, so that a patient's place is the same everywhere.</summary>
    public IReadOnlyList<CohortPatient> Patients { get; }

    /// <summary>The patients of one split, sorted by name; none where the split has no folder.</summary>
    public IReadOnlyList<CohortPatient> Of(string split) => [.. Patients.Where(patient => patient.Split == split)];

    /// <summary>Lists the patients; no image is opened.</summary>
    /// <exception cref="PlanException">There is no such folder, or no patient in it. Its key is <c>cohort</c>.</exception>
    public static Cohort Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new PlanException(
                $"the cohort '{folder}' does not exist; name a folder with train, val and test, or make one with `data synthesize`.", "cohort");
        }

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

    private static IEnumerable<CohortPatient> PatientsOf(string folder, string split) =>
        from patient in Directory.GetDirectories(Path.Combine(folder, split)).Order(StringComparer.Ordinal)
        let kinds = ImageKinds.All.Where(kind => File.Exists(Path.Combine(patient, kind + ".nii.gz"))).ToArray()
        where kinds.Length > 0
        select new CohortPatient(split, Path.GetFileName(patient), patient, kinds);
}
