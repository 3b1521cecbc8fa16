namespace VoxelZoo.Engine.Data;

/// <summary>Something in a cohort that training would stumble over.</summary>
/// <param name="Split">The patient's split.</param>
/// <param name="Patient">The patient, or the folder at fault where it is none.</param>
/// <param name="File">The file at fault, or the patient's folder.</param>
/// <param name="Finding">What was found and what is expected, in one sentence.</param>
public sealed record CohortFinding(string Split, string Patient, string File, string Finding)
{
    /// <summary>Whether nothing is trained on, sampled from or evaluated with it.</summary>
    public bool Refused { get; init; }

    /// <summary>The option of <c>data</c> by which it is taken all the same, as YAML writes it, or null where there is none.</summary>
    public string? AllowedBy { get; init; }

    /// <summary>Whether the experiment is at fault as much, so that who checks the cohort alone does not find it.</summary>
    internal bool OfExperiment { get; init; }

    /// <summary>Whether these options refuse it.</summary>
    internal bool IsRefusedBy(DataOptions options) => Refused && !(AllowedBy switch
    {
        "allow_geometry_mismatch" => options.AllowGeometryMismatch,
        "merge_labels" => options.MergeLabels,
        _ => false,
    });
}
