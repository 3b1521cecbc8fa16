namespace VoxelZoo.Engine.Data;

/// <summary>Finds the same voxels under two names, by their hashes.</summary>
internal sealed class CopySearch
{
    private readonly Dictionary<string, CohortPatient> _seen = [];

    /// <summary>What of a patient was seen before, in another patient.</summary>
    public IEnumerable<CohortFinding> Add(CheckedPatient found)
    {
        var patient = found.Patient;
        foreach (var (kind, hash) in found.Hashes)
        {
            // the same name is said before, by the names alone
            if (_seen.TryAdd(hash, patient) || string.Equals(_seen[hash].Name, patient.Name, StringComparison.OrdinalIgnoreCase))
                continue;
            var first = _seen[hash];
            yield return new CohortFinding(
                patient.Split, patient.Name, patient.File(kind), $"has the same voxels as an image of {first.Name} in {first.Split}; a scan belongs to one patient of one split.");
        }
    }
}
