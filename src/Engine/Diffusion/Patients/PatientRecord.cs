using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Diffusion.Patients;

/// <summary>
/// How a generated patient came about: <c>patient.json</c>. It holds no times and no paths, so that the same command leaves the same bytes.
/// </summary>
public sealed record PatientRecord
{
    /// <summary>The patient's folder.</summary>
    public required string Patient { get; init; }

    /// <summary>Numbers of tumours by size that the mask was asked for, or null where it was asked for none.</summary>
    public required IReadOnlyList<int>? RequestedBins { get; init; }

    /// <summary>Those that it has.</summary>
    public required IReadOnlyList<int> MeasuredBins { get; init; }

    /// <summary>Masks that were drawn, of this patient.</summary>
    public required int Masks { get; init; }

    /// <summary>Images that were drawn.</summary>
    public required int Images { get; init; }

    /// <summary>Tumours that were removed from the mask, because they lay outside of the brain.</summary>
    public required int RemovedTumours { get; init; }

    /// <summary>Why masks and images were drawn again, with how often.</summary>
    public required IReadOnlyDictionary<string, int> Rejected { get; init; }

    /// <summary>How often the networks were called, in all.</summary>
    public required int FunctionEvaluations { get; init; }

    /// <summary>
    /// SHA-256 of the patient's volumes by name, lower-case hexadecimal; missing in the comment within them, and for a
    /// patient of before it was recorded.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Files { get; init; }

    /// <summary>Whether the mask has all the numbers that were asked for; null where none were.</summary>
    public bool? Exact => RequestedBins?.SequenceEqual(MeasuredBins);

    /// <summary>The table <c>bins.csv</c>, a line for each patient.</summary>
    public static string Table(IEnumerable<PatientRecord> patients)
    {
        var edges = TumourSizes.Edges.Select(edge => edge.ToString(CultureInfo.InvariantCulture)).ToArray();
        var table = new StringBuilder();
        string[] columns =
        [
            "patient", .. edges.Select(edge => $"requested_{edge}"), .. edges.Select(edge => $"measured_{edge}"),
            "exact", "masks", "images", "removed_tumours",
        ];
        table.AppendJoin(',', columns).Append('\n');
        foreach (var each in patients)
        {
            var requested = each.RequestedBins?.Select(Shown) ?? edges.Select(_ => "");
            string[] row =
            [
                each.Patient, .. requested, .. each.MeasuredBins.Select(Shown), each.Exact switch { null => "", true => "1", false => "0" },
                Shown(each.Masks), Shown(each.Images), Shown(each.RemovedTumours),
            ];
            table.AppendJoin(',', row).Append('\n');
        }

        return table.ToString();
    }

    private static string Shown(int number) => number.ToString(CultureInfo.InvariantCulture);
}
