namespace VoxelZoo.Engine.Data;

/// <summary>Finds one scan under two names: the same voxels by their hash, and those that only differ by slope and intercept by a few of them.</summary>
internal sealed class CopySearch
{
    private readonly Dictionary<string, CohortPatient> _seen = [];
    private readonly Dictionary<string, List<(ScanSignature Signature, CohortPatient Patient)>> _signatures = [];

    /// <summary>What of a patient was seen before, in another patient.</summary>
    public IEnumerable<CohortFinding> Add(CheckedPatient found)
    {
        var patient = found.Patient;
        foreach (var (kind, scan) in found.Scans)
        {
            var isNew = _seen.TryAdd(scan.Sha256, patient);
            var (first, same) = isNew ? (Rescaled(scan.Signature, patient), "has the same voxels as an image of {0} in {1}, but for slope and intercept") : (_seen[scan.Sha256], "has the same voxels as an image of {0} in {1}");
            // the same name is said before, by the names alone
            if (first is not null && PatientNames.Key(first.Name) != PatientNames.Key(patient.Name))
                yield return new CohortFinding(patient.Split, patient.Name, patient.File(kind), $"{string.Format(null, same, first.Name, first.Split)}; a scan belongs to one patient of one split.");
        }
    }

    /// <summary>Whose image has those intensities up to slope and intercept, or null; it is remembered as one to compare with.</summary>
    private CohortPatient? Rescaled(ScanSignature signature, CohortPatient patient)
    {
        if (!_signatures.TryGetValue(signature.Shape, out var before))
            _signatures[signature.Shape] = before = [];
        var first = before.Where(one => one.Signature.IsLike(signature)).Select(one => one.Patient).FirstOrDefault(one => one.Folder != patient.Folder);
        before.Add((signature, patient));
        return first;
    }
}
