using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// What the user took out of an imported cohort on purpose: the lines of its <c>taken_out.txt</c>, each the name of a scan or of a patient;
/// what follows <c>#</c> says why. What is named there is not missing.
/// </summary>
internal sealed class TakenOut
{
    /// <summary>The file's name, in the cohort's folder.</summary>
    public const string FileName = "taken_out.txt";

    private readonly IReadOnlySet<string> _names;

    private TakenOut(IReadOnlySet<string> names) => _names = names;

    /// <summary>What a cohort's folder says.</summary>
    public static TakenOut Of(string cohort)
    {
        var file = Path.Combine(cohort, FileName);
        return new TakenOut(File.Exists(file)
            ? RegularFile.ReadText(file).Split('\n').Select(line => line.Split('#')[0].Trim()).Where(name => name.Length > 0).ToHashSet()
            : new HashSet<string>());
    }

    /// <summary>Whether a scan was taken out, by its own name or its patient's.</summary>
    public bool Has(ImportedScan scan) => _names.Contains(scan.Name) || _names.Contains(scan.Patient);

    /// <summary>The other split that a scan lies in by its name, or null.</summary>
    public static string? MovedTo(string cohort, ImportedScan scan) =>
        Cohort.AllSplits.FirstOrDefault(split => split != scan.Split && Directory.Exists(Path.Combine(cohort, split, scan.Name)));

    /// <summary>Names that are none of a cohort's, in order.</summary>
    public IEnumerable<string> Unknown(CohortSheet sheet) =>
        _names.Except(sheet.Scans.SelectMany(scan => new[] { scan.Name, scan.Patient })).Order(StringComparer.Ordinal);
}
