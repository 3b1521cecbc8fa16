using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// Reads the images of a cohort and tells what is wrong with it: the same for <c>data check</c> as on the way of training.
/// </summary>
public static class CohortCheck
{
    /// <summary>The part of a split's patients that may lack an image without a word from the user.</summary>
    private const double MostMissing = 0.1;

    /// <summary>Checks one patient after another; the findings come as they are made, none for a sound cohort.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="kinds">The kinds of image that each patient has to have; the others are checked where they are there.</param>
    /// <param name="seen">Is given each patient with the images that can be read, or null.</param>
    public static IEnumerable<CohortFinding> Run(
        Cohort cohort, IReadOnlyList<string> kinds, Action<CohortPatient, IReadOnlyDictionary<string, NiftiVolume>>? seen = null)
    {
        foreach (var finding in Folders(cohort))
            yield return finding;
        foreach (var warning in cohort.Sheet?.Warnings ?? [])
            yield return new CohortFinding(
                CohortSheet.FileName, CohortSheet.FileName, Path.Combine(cohort.Folder, CohortSheet.FileName),
                $"was made with a warning: {warning}.");
        var (copies, all) = (new CopySearch(), new List<CheckedPatient>());
        foreach (var patient in cohort.Patients)
        {
            foreach (var finding in Misnamed(cohort, patient, kinds))
                yield return finding;
            foreach (var kind in kinds.Except(patient.Kinds))
                yield return new CohortFinding(
                    patient.Split, patient.Name, patient.File(kind), $"is missing{Cohort.Lookalike(patient.Folder, [kind])}.");
            var images = new Dictionary<string, NiftiVolume>();
            var found = PatientCheck.Run(patient, patient.Kinds, null, seen is null ? null : images.Add);
            seen?.Invoke(patient, images);
            foreach (var finding in found.Findings.Concat(copies.Add(found)))
                yield return finding;
            all.Add(found with { Scans = new Dictionary<string, Scan>() });
        }

        foreach (var finding in EmptyMasks(cohort, all))
            yield return finding;
    }

    /// <summary>Files that would be an image by another name, of the kinds that need not be there.</summary>
    private static IEnumerable<CohortFinding> Misnamed(Cohort cohort, CohortPatient patient, IReadOnlyList<string> kinds) =>
        from kind in ImageKinds.Original.Union(cohort.Kinds).Except(patient.Kinds).Except(kinds)
        let lookalike = Cohort.Lookalike(patient.Folder, [kind])
        where lookalike.Length > 0
        select new CohortFinding(patient.Split, patient.Name, patient.Folder, $"is taken to have no {kind}{lookalike}.");

    /// <summary>Splits of whose masks none has a tumour, as after a conversion that went wrong.</summary>
    private static IEnumerable<CohortFinding> EmptyMasks(Cohort cohort, IEnumerable<CheckedPatient> patients) =>
        from split in patients.Where(one => one.HasTumour is not null).GroupBy(one => one.Patient.Split)
        where split.All(one => one.HasTumour == false)
        select new CohortFinding(
            split.Key, split.Key, Path.Combine(cohort.Folder, split.Key),
            $"has no tumour in any of its masks ({split.Count()}): no voxel of them is above one half; "
            + "see whether they were written as they should be.");

    /// <summary>What the names of folders tell; no image is opened.</summary>
    internal static IEnumerable<CohortFinding> Folders(Cohort cohort)
    {
        foreach (var finding in OtherSplits(cohort).Concat(Unread(cohort)).Concat(SameFolders(cohort)).Concat(Lost(cohort)))
            yield return finding;
        foreach (var alike in cohort.Patients.GroupBy(patient => PatientNames.Key(patient.Name)).Where(group => group.Count() > 1))
        {
            var first = alike.First();
            foreach (var patient in alike.Skip(1))
            {
                yield return new CohortFinding(patient.Split, patient.Name, patient.Folder, patient.Name == first.Name
                    ? $"is also in {first.Split}; a patient belongs to one split."
                    : $"is called {Shown(first.Name)} in {first.Split} but for {PatientNames.Difference(patient.Name, first.Name)}; "
                        + "a patient has one name and belongs to one split.");
            }
        }
    }

    /// <summary>What an import wrote and is not there any more, or is of another size.</summary>
    private static IEnumerable<CohortFinding> Lost(Cohort cohort)
    {
        if (cohort.Sheet is not { } sheet)
            yield break;
        const string again = "the `data import` that made the cohort makes it again";
        var takenOut = TakenOut.Of(cohort.Folder);
        foreach (var scan in sheet.Scans)
        {
            var folder = Path.Combine(cohort.Folder, scan.Split, scan.Name);
            if (!Directory.Exists(folder))
            {
                if (!takenOut.Has(scan))
                    yield return Finding(folder, TakenOut.MovedTo(cohort.Folder, scan) is { } split
                        ? $"lies in {split} now, and {CohortSheet.FileName} says {scan.Split}; put it back, or import with another --split."
                        : $"is missing, and {CohortSheet.FileName} lists it; {again}, or a line {scan.Name} in {TakenOut.FileName} beside "
                            + "that says that it was taken out on purpose.");
                continue;
            }

            if (takenOut.Has(scan))
                yield return Finding(folder, $"is there, and {TakenOut.FileName} says that it was taken out; remove one of the two.");
            foreach (var (file, why) in WrittenFiles.Faults(folder, scan.Written, entirely: false))
                yield return Finding(Path.Combine(folder, file), $"{why}, and {CohortSheet.FileName} lists it; {again}.");

            CohortFinding Finding(string file, string sentence) => new(scan.Split, scan.Name, file, sentence);
        }

        foreach (var name in takenOut.Unknown(sheet))
            yield return new CohortFinding(
                TakenOut.FileName, TakenOut.FileName, Path.Combine(cohort.Folder, TakenOut.FileName),
                $"names {name}, and {CohortSheet.FileName} lists neither a scan nor a patient that is called so.");
    }

    /// <summary>Links to the folder of a patient with another name.</summary>
    private static IEnumerable<CohortFinding> SameFolders(Cohort cohort) =>
        from folder in cohort.Patients.GroupBy(patient => patient.Place)
        let first = folder.First()
        from patient in folder.Skip(1)
        where PatientNames.Key(patient.Name) != PatientNames.Key(first.Name)
        select new CohortFinding(
            patient.Split,
            patient.Name,
            patient.Folder,
            $"is the same folder as {Shown(first.Name)} in {first.Split}, by a link; a patient has one name and belongs to one split.");

    /// <summary>
    /// Checks the patients of a split that are about to be used, once for each cohort that is open; remembers what is no reason to refuse.
    /// </summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="split">The split.</param>
    /// <param name="patients">Those of its patients that have all the images.</param>
    /// <param name="kinds">The images.</param>
    /// <param name="options">What they have to fit, and what is allowed.</param>
    /// <exception cref="PlanException">A patient cannot be used.</exception>
    internal static void Require(
        Cohort cohort, string split, IReadOnlyList<CohortPatient> patients, IReadOnlyList<string> kinds, DataOptions options)
    {
        var checkedBefore = patients.Where(patient => cohort.IsChecked(patient, kinds)).ToHashSet();
        var found = patients.Where(patient => !checkedBefore.Contains(patient)).AsParallel().AsOrdered()
            .WithDegreeOfParallelism(Math.Min(4, Environment.ProcessorCount))
            .Select(patient => PatientCheck.Run(patient, kinds, options)).ToArray();
        var refused = found.SelectMany(one => one.Findings).Where(finding => finding.IsRefusedBy(options)).ToArray();
        if (refused is [var first, ..])
        {
            throw new PlanException($"{first.File}: {first.Finding}{More(split, refused[1..])}", first.AllowedBy);
        }

        cohort.Remember(found, kinds);
        if (found.Length == patients.Count)
            cohort.Remember(EmptyMasks(cohort, found));
    }

    /// <summary>How many more there are, and where to read of them: <c>data check</c> knows no experiment.</summary>
    private static string More(string split, IReadOnlyList<CohortFinding> others)
    {
        const int most = 5;
        if (others.Count == 0)
            return "";
        var named = string.Join(", ", others.Take(most).Select(other => $"{other.Patient}/{Path.GetFileName(other.File)}"));
        return others.Any(other => other.OfExperiment)
            ? $" And {others.Count} more in {split}: {named}{(others.Count > most ? " …" : "")}."
            : $" And {others.Count} more in {split}: `data check` lists all.";
    }

    /// <summary>Refuses a split of which too many patients lack an image, and names those that do.</summary>
    /// <exception cref="PlanException">More than a tenth do, and the options do not allow it.</exception>
    internal static void RequireComplete(Cohort cohort, string split, IReadOnlyList<string> kinds, DataOptions options)
    {
        var all = cohort.Listed(split); // a patient that holds no image at all lacks them as well
        if (all.FirstOrDefault(patient => patient.Fault == FolderEntry.Denied) is { } closed)
            throw new PlanException($"{closed.Folder} {closed.Fault}; have it opened to you, or take it out of {split}.", "cohort");
        var missing = all.Where(patient => kinds.Except(patient.Kinds).Any()).ToArray();
        if (missing.Length == all.Count || missing.Length == 0)
            return; // a split without any complete patient is refused by those who need one
        if (!options.AllowMissing && missing.Length > MostMissing * all.Count)
        {
            throw new PlanException(
                $"{missing.Length} of the {all.Count} patients in '{Path.Combine(cohort.Folder, split)}' lack an image: "
                + $"{string.Join("; ", missing.Take(5).Select(Lack))}{(missing.Length > 5 ? " …" : "")}; "
                + "add them, take the patients out, or set data.allow_missing: true to go on without these patients.",
                "cohort");
        }

        // those without any image are found with the folders
        cohort.Remember(missing.Where(patient => patient.Kinds.Count > 0)
            .Select(patient => new CohortFinding(split, patient.Name, patient.Folder, $"is left out: it has no {Absent(patient)}.")));

        string Absent(CohortPatient patient) =>
            string.Join(", ", kinds.Except(patient.Kinds)) + Cohort.Lookalike(patient.Folder, kinds.Except(patient.Kinds));
        string Lack(CohortPatient patient) => $"{patient.Name} {patient.Fault ?? $"has no {Absent(patient)}"}";
    }

    /// <summary>Folders beside the splits that look like one.</summary>
    private static IEnumerable<CohortFinding> OtherSplits(Cohort cohort) =>
        from folder in Directory.GetFileSystemEntries(cohort.Folder).Order(StringComparer.Ordinal)
        let name = Path.GetFileName(folder)
        where !Cohort.AllSplits.Contains(name)
            && (Directory.Exists(folder)
                ? NearSplit(name) is not null || HoldsPatients(folder)
                : FolderEntry.IsDead(folder) && NearSplit(name) is not null)
        select new CohortFinding(
            name,
            name,
            folder,
            $"is not read: the splits are train, val and test{(NearSplit(name) is { } near ? $"; rename it to {near}" : "")}.");

    private static bool HoldsPatients(string folder) =>
        FolderEntry.WhyNotListed(folder) is null && Directory.GetDirectories(folder).Any(patient => Cohort.KindsOf(patient).Count > 0);

    /// <summary>A name whose ends can be seen.</summary>
    private static string Shown(string name) => name.Any(char.IsWhiteSpace) ? $"'{name}'" : name;

    private static string? NearSplit(string name) =>
        Cohort.AllSplits.FirstOrDefault(split => name.StartsWith(split, StringComparison.OrdinalIgnoreCase))
        ?? Spelling.Nearest(name, Cohort.AllSplits);

    /// <summary>What stands beside the patients' folders and holds no image under a name that is read.</summary>
    private static IEnumerable<CohortFinding> Unread(Cohort cohort) =>
        from split in Cohort.AllSplits
        from patient in cohort.WithoutImages(split)
        select new CohortFinding(split, patient.Name, patient.Folder, $"is left out: it {patient.Fault ?? cohort.WhyNoImage(patient)}.")
        {
            Refused = patient.Fault == FolderEntry.Denied,
        };
}
