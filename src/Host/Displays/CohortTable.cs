using System.Globalization;
using Spectre.Console;
using VoxelZoo.Engine.Data;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>The patients of a cohort, what sets some of them apart, and what is wrong.</summary>
internal static class CohortTable
{
    public static Rows Of(Cohort cohort, IReadOnlyList<PatientFacts> patients, IReadOnlyList<CohortFinding> findings)
    {
        var table = Output.Table("patient", "shape", "spacing (mm)", "axes", "intensities", "lesions", "ml", "unlike the others");
        foreach (var patient in patients)
        {
            table.AddRow(
                Output.Text($"{patient.Split}/{patient.Name}"),
                new Text(string.Join('×', patient.Shape)),
                new Text(string.Join('×', patient.Spacing.Select(size => size.ToString(CultureInfo.InvariantCulture)))),
                new Text(patient.Orientation),
                Output.Text(patient.RangeWords),
                new Text(patient.Lesions?.ToString(CultureInfo.InvariantCulture) ?? ""),
                new Text((patient.LesionVolume / 1000)?.ToString("0.##", CultureInfo.InvariantCulture) ?? ""),
                Output.Text(string.Join(", ", patient.Outliers)));
        }

        var splits = Cohort.AllSplits.Select(split => $"{split} {cohort.Of(split).Count}");
        return new Rows(
        [
            table,
            .. findings.Select(f => Output.Text($"{Path.GetRelativePath(cohort.Folder, f.File)} {f.Finding}")),
            new Text(
                $"{cohort.Patients.Count} patients ({string.Join(", ", splits)}): "
                    + $"{Words(findings.Count)}{Marked(patients.Count(patient => patient.Outliers.Count > 0))}"),
        ]);
    }

    private static string Words(int findings) => findings == 0 ? "nothing wrong" : $"{findings} {(findings == 1 ? "finding" : "findings")}";

    private static string Marked(int patients) => patients == 0 ? "" : $"; {patients} unlike the others";
}
