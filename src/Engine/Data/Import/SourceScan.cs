namespace VoxelZoo.Engine.Data.Import;

/// <summary>A file that a layout takes for an image of a scan.</summary>
/// <param name="Patient">The patient.</param>
/// <param name="Visit">The visit, or empty.</param>
/// <param name="Kind">The kind of image.</param>
/// <param name="Image">The file.</param>
/// <param name="Pattern">What its name was recognised by, for people: <c>*-t1c</c>.</param>
internal sealed record TakenImage(string Patient, string Visit, string Kind, NamedImage Image, string Pattern)
{
    /// <summary>The split that the source itself puts the patient into, as it spells it, or null.</summary>
    public string? Split { get; init; }

    /// <summary>Of several images of one kind of a scan the one with the lowest is taken; the other ones are named.</summary>
    public int Rank { get; init; }
}

/// <summary>A scan of the source: what becomes a folder of the cohort.</summary>
/// <param name="Patient">The patient.</param>
/// <param name="Visit">The visit, or empty.</param>
/// <param name="Images">Its images by kind.</param>
public sealed record SourceScan(string Patient, string Visit, IReadOnlyDictionary<string, string> Images)
{
    /// <summary>The split that the source itself puts it into, or null.</summary>
    public string? Split { get; init; }

    /// <summary>The name of its folder in the cohort.</summary>
    public string Name => NameOf(Patient, Visit);

    /// <summary>The name of the folder of a patient's visit in a cohort.</summary>
    internal static string NameOf(string patient, string visit) => visit.Length == 0 ? patient : $"{patient}_{visit}";

    /// <summary>Its kinds in order, images before masks.</summary>
    internal IReadOnlyList<string> Kinds => ImageKinds.Ordered(Images.Keys);

    /// <summary>Whether it has any image that is no mask.</summary>
    internal bool HasImage => Images.Keys.Any(kind => !ImageKinds.IsMask(kind));
}
