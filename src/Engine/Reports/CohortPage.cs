using System.Globalization;
using System.Net;
using System.Text;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Pictures;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Reports;

/// <summary>
/// A page with a picture of every patient of a cohort, nose up and the patient's right on the left, the tumours outlined: mistakes are
/// seen there, not read.
/// </summary>
public sealed class CohortPage
{
    private const double PixelsPerMillimetre = 0.6;
    private const string Beginning =
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"generator\" content=\"voxelzoo data check\">";

    private readonly Dictionary<(string Split, string Name), string> _pictures = [];

    /// <summary>Draws a patient's first image; one whose voxels are not finite, or that is no volume, has none.</summary>
    /// <param name="patient">The patient.</param>
    /// <param name="images">The images that can be read.</param>
    public void Add(CohortPatient patient, IReadOnlyDictionary<string, NiftiVolume> images)
    {
        if (ImageKinds.Ordered(images.Keys).Select(kind => images[kind])
            .FirstOrDefault(image => image is { NonFinite: 0, Min: not null }) is not { } image)
            return;
        using var scope = torch.NewDisposeScope();
        var grid = FileGrid.Oriented(image.Header);
        using var stream = new MemoryStream();
        var mask = images.GetValueOrDefault(ImageKinds.Seg) is { } seg && !ReferenceEquals(seg, image)
            ? AsTensor(Resampler.Nearest(seg, grid, 0), grid.Volume)
            : null;
        var voxels = Resampler.Nearest(image, grid, (float)image.Min!.Value);
        Brighten(voxels);
        var spacing = grid.Spacing;
        Montage.Write(
            stream,
            [new MontageRow(AsTensor(voxels, grid.Volume), mask, new VolumeGrid(grid.Volume, grid.Affine))],
            new Spacing(spacing[2], spacing[0], spacing[1]),
            PixelsPerMillimetre);
        _pictures[(patient.Split, patient.Name)] = Convert.ToBase64String(stream.ToArray());
    }

    /// <summary>Whether a file is such a page.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsOne(string file)
    {
        using var stream = RegularFile.OpenRead(file);
        var bytes = new byte[Encoding.UTF8.GetByteCount(Beginning)];
        return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length
            && Encoding.UTF8.GetString(bytes) == Beginning;
    }

    /// <summary>The page.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="patients">The patients that could be read.</param>
    /// <param name="findings">What is wrong.</param>
    public string Html(Cohort cohort, IReadOnlyList<PatientFacts> patients, IReadOnlyList<CohortFinding> findings)
    {
        var page = new StringBuilder();
        page.Append(Beginning).Append("<title>").Append(Text(Path.GetFileName(cohort.Folder)))
            .Append(
            """
            </title>
            <style>
            body { font: 13px sans-serif; margin: 1em; background: #111; color: #ccc }
            main { display: flex; flex-wrap: wrap; gap: 8px }
            figure { margin: 0; padding: 4px; border: 2px solid #333 }
            figure.odd { border-color: #e54 }
            figcaption b { color: #fff } figcaption em { color: #f76; font-style: normal }
            </style>

            """);
        page.Append(
            CultureInfo.InvariantCulture,
            $"<h1>{Text(cohort.Folder)}</h1>\n<p>{patients.Count} patients, {patients.Count(patient => patient.Outliers.Count > 0)} of "
                + $"them marked, {findings.Count} findings</p>\n<main>\n");
        foreach (var patient in patients)
        {
            var own = findings.Where(finding => finding.Split == patient.Split && finding.Patient == patient.Name)
                .Select(finding => $"{Path.GetFileName(finding.File)} {finding.Finding}");
            string[] marks = [.. patient.Outliers.Select(mark => $"{mark} is unlike the others'"), .. own];
            page.Append(CultureInfo.InvariantCulture, $"<figure{(marks.Length > 0 ? " class=\"odd\"" : "")}>");
            if (_pictures.TryGetValue((patient.Split, patient.Name), out var picture))
                page.Append(CultureInfo.InvariantCulture, $"<img src=\"data:image/png;base64,{picture}\" alt=\"{Text(patient.Name)}\">");
            page.Append(
                CultureInfo.InvariantCulture,
                $"<figcaption><b>{Text($"{patient.Split}/{patient.Name}")}</b><br>{Text(patient.Grid)}, "
                    + $"{patient.Orientation}<br>{Text(patient.RangeWords)}");
            if (patient.Lesions is { } lesions)
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"<br>{lesions} {(lesions == 1 ? "lesion" : "lesions")}, {patient.LesionVolume / 1000:0.##} ml");
            page.Append(string.Concat(marks.Select(mark => $"<br><em>{Text(mark)}</em>"))).Append("</figcaption></figure>\n");
        }

        return page.Append("</main>\n</html>\n").ToString();
    }

    private static torch.Tensor AsTensor(float[] voxels, VolumeShape shape) =>
        torch.tensor(voxels, [shape.Depth, shape.Height, shape.Width]);

    /// <summary>Brings intensities to 0 … 1; the few brightest voxels would leave the rest dark.</summary>
    private static void Brighten(float[] voxels)
    {
        const double brightest = 0.995;
        var sorted = (float[])voxels.Clone();
        Array.Sort(sorted);
        var (low, range) = (sorted[0], Quantile.Of(sorted, brightest) - sorted[0]);
        for (var i = 0; i < voxels.Length; i++)
            voxels[i] = range > 0 ? (float)((voxels[i] - low) / range) : 0;
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
