using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>Something in a cohort that training would stumble over.</summary>
/// <param name="Split">The patient's split.</param>
/// <param name="Patient">The patient.</param>
/// <param name="File">The file at fault, or the patient's folder.</param>
/// <param name="Finding">What was found and what is expected, in one sentence.</param>
public sealed record CohortFinding(string Split, string Patient, string File, string Finding);

/// <summary>Reads every image of a cohort and tells what is wrong with it.</summary>
public static class CohortCheck
{
    /// <summary>Checks one patient after another; the findings come as they are made, none for a sound cohort.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="kinds">The kinds of image that each patient has to have; the others are checked where they are there.</param>
    public static IEnumerable<CohortFinding> Run(Cohort cohort, IReadOnlyList<string> kinds)
    {
        foreach (var finding in Unread(cohort))
            yield return finding;
        var splits = cohort.Patients.ToLookup(patient => patient.Name, patient => patient.Split);
        foreach (var patient in cohort.Patients)
        {
            CohortFinding Finding(string file, string sentence) => new(patient.Split, patient.Name, file, sentence);

            if (splits[patient.Name].First() != patient.Split)
                yield return Finding(patient.Folder, $"is also in {splits[patient.Name].First()}; a patient belongs to one split.");
            foreach (var kind in kinds.Except(patient.Kinds))
                yield return Finding(patient.File(kind), "is missing.");

            string? first = null;
            var shape = "";
            foreach (var kind in patient.Kinds)
            {
                var file = patient.File(kind);
                var (found, sentences) = Examine(file, kind);
                foreach (var sentence in sentences)
                    yield return Finding(file, sentence);
                if (found is null)
                    continue;
                first ??= kind;
                if (first == kind)
                    shape = found;
                else if (found != shape)
                    yield return Finding(file, $"is {found}, but {first} is {shape}; all images of a patient have one shape.");
            }
        }
    }

    /// <summary>Folders beside the patients' that hold no image under a name that is read.</summary>
    private static IEnumerable<CohortFinding> Unread(Cohort cohort) =>
        from split in Cohort.AllSplits
        let patients = cohort.Of(split).Select(patient => patient.Folder).ToHashSet()
        where Directory.Exists(Path.Combine(cohort.Folder, split))
        from folder in Directory.GetDirectories(Path.Combine(cohort.Folder, split)).Order(StringComparer.Ordinal)
        where !patients.Contains(folder)
        select new CohortFinding(
            split, Path.GetFileName(folder), folder, $"is left out: it holds none of {string.Join(", ", ImageKinds.All.Select(kind => kind + ".nii.gz"))}.");

    private static (string? Shape, IReadOnlyList<string> Sentences) Examine(string file, string kind)
    {
        try
        {
            var volume = NiftiFile.Read(file);
            var (_, depth, height, width) = volume.Shape;
            var sentences = new List<string>();
            if (volume.NonFinite > 0)
                sentences.Add($"has {volume.NonFinite} voxels that are not finite; replace them, for instance by 0.");
            if (kind == ImageKinds.Seg)
            {
                foreach (var intensity in volume.Intensities.Span)
                {
                    if (intensity is 0 or 1)
                        continue;
                    sentences.Add($"has the value {intensity}; a mask is 0 and 1.");
                    break;
                }
            }
            else if (volume.Min is { } only && only == volume.Max)
            {
                sentences.Add($"is {only} everywhere.");
            }

            return ($"{height}×{width}×{depth}", sentences);
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return (null, [$"cannot be read: {error.Message}"]);
        }
    }
}
