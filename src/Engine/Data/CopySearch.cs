namespace VoxelZoo.Engine.Data;

/// <summary>
/// Finds one scan under two names: the same voxels by their hash, and those that only differ by slope and intercept by a few of them.
/// </summary>
internal sealed class CopySearch
{
    private readonly Dictionary<string, (CohortPatient Patient, string Kind)> _seen = [];
    private readonly Dictionary<string, List<(ScanSignature Signature, CohortPatient Patient)>> _signatures = [];

    /// <summary>What of a patient was seen before, in another patient or under the name of another kind.</summary>
    public IEnumerable<CohortFinding> Add(CheckedPatient found)
    {
        var patient = found.Patient;
        foreach (var (kind, scan) in found.Scans)
        {
            var isNew = _seen.TryAdd(scan.Sha256, (patient, kind));
            var before = _seen[scan.Sha256];
            if (!isNew && before.Patient.Folder == patient.Folder && before.Kind != kind)
                yield return new CohortFinding(
                    patient.Split,
                    patient.Name,
                    patient.File(kind),
                    $"has the same voxels as {before.Kind} of the same patient; one of the two is a copy.");
            var (first, same) = isNew
                ? (Rescaled(scan.Signature, patient), "has the same voxels as an image of {0} in {1}, but for slope and intercept")
                : (before.Patient, "has the same voxels as an image of {0} in {1}");
            // the same name or folder is said before, by the names alone
            if (first is not null && PatientNames.Key(first.Name) != PatientNames.Key(patient.Name) && first.Place != patient.Place)
                yield return new CohortFinding(
                    patient.Split,
                    patient.Name,
                    patient.File(kind),
                    $"{string.Format(null, same, first.Name, first.Split)}; a scan belongs to one patient of one split.");
        }
    }

    /// <summary>Whose image has those intensities up to slope and intercept, or null; it is remembered as one to compare with.</summary>
    private CohortPatient? Rescaled(ScanSignature signature, CohortPatient patient)
    {
        if (!_signatures.TryGetValue(signature.Shape, out var before))
            _signatures[signature.Shape] = before = [];
        var first = before.Where(one => one.Signature.IsLike(signature))
            .Select(one => one.Patient).FirstOrDefault(one => one.Folder != patient.Folder);
        before.Add((signature, patient));
        return first;
    }
}
