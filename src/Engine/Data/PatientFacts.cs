using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>What the images of a patient are, for a table in which one looks for mistakes.</summary>
/// <param name="Split">The split.</param>
/// <param name="Name">The patient's folder.</param>
/// <param name="Shape">Voxels of the first image in file order.</param>
/// <param name="Spacing">Its voxel size in mm, in file order.</param>
/// <param name="Orientation">Where its axes run, such as <c>RAS</c>.</param>
/// <param name="Ranges">The smallest and largest intensity of each image that is no mask.</param>
/// <param name="Lesions">Connected tumours of the mask, or null where there is none.</param>
/// <param name="LesionVolume">Their volume in mm³.</param>
public sealed record PatientFacts(
    string Split,
    string Name,
    IReadOnlyList<int> Shape,
    IReadOnlyList<double> Spacing,
    string Orientation,
    IReadOnlyDictionary<string, IntensitySpan> Ranges,
    int? Lesions,
    double? LesionVolume)
{
    /// <summary>What sets it apart from the other patients, a few words each.</summary>
    public IReadOnlyList<string> Outliers { get; init; } = [];

    /// <summary>Looks at a patient's images that can be read; null where none can.</summary>
    public static PatientFacts? Of(CohortPatient patient, IReadOnlyDictionary<string, NiftiVolume> images)
    {
        if (images.Count == 0)
            return null;
        var (first, mask) = (images[ImageKinds.Ordered(images.Keys)[0]], images.GetValueOrDefault(ImageKinds.Seg));
        var lesions = mask is null
            ? null
            : Components.Of([.. mask.Turned().Select(value => value > 0.5f)], mask.Shape, Neighbourhood.Corners);
        return new PatientFacts(
            patient.Split,
            patient.Name,
            first.Header.Shape,
            [.. NiftiAffine.Sizes(first.Header.Affine).Select(size => Math.Round(size, 3))],
            NiftiAffine.Letters(first.Header.Affine),
            images.Where(image => !ImageKinds.IsMask(image.Key) && image.Value.Min is not null)
                .ToDictionary(image => image.Key, image => new IntensitySpan(image.Value.Min!.Value, image.Value.Max!.Value)),
            lesions?.Sizes.Count,
            lesions?.Sizes.Sum(size => (double)size) * Math.Abs(NiftiAffine.Determinant(first.Header.Affine)));
    }

    /// <summary>
    /// The patients with what sets each apart from the others: a shape, voxel size or orientation that four of five do not have, an
    /// intensity or a tumour far from the median.
    /// </summary>
    public static IReadOnlyList<PatientFacts> Marked(IReadOnlyList<PatientFacts> patients)
    {
        var marks = patients.ToDictionary(patient => (patient.Split, patient.Name), _ => new List<string>());
        Rare(patient => string.Join('×', patient.Shape), "shape");
        Rare(patient => string.Join('×', patient.Spacing), "spacing");
        Rare(patient => patient.Orientation, "orientation");
        foreach (var kind in ImageKinds.Ordered(patients.SelectMany(patient => patient.Ranges.Keys)))
        {
            Far(patient => patient.Ranges.GetValueOrDefault(kind)?.High, $"brightest {kind}");
            Far(patient => patient.Ranges.GetValueOrDefault(kind)?.Low, $"darkest {kind}");
        }

        Far(patient => patient.LesionVolume is { } volume and > 0 ? Math.Log(volume) : null, "lesion volume");
        return [.. patients.Select(patient => patient with { Outliers = marks[(patient.Split, patient.Name)] })];

        void Rare(Func<PatientFacts, string> of, string name)
        {
            var usual = patients.GroupBy(of).MaxBy(group => group.Count());
            if (usual is null || usual.Count() < Usual * patients.Count)
                return;
            foreach (var patient in patients.Where(patient => of(patient) != usual.Key))
                marks[(patient.Split, patient.Name)].Add(name);
        }

        void Far(Func<PatientFacts, double?> of, string name)
        {
            var known = patients.Select(patient => (Patient: patient, Value: of(patient))).Where(one => one.Value is not null)
                .Select(one => (one.Patient, Value: one.Value!.Value)).ToArray();
            if (known.Length < FewestForSpread)
                return;
            var median = Median.Of(known.Select(one => one.Value));
            var spread = Median.Of(known.Select(one => Math.Abs(one.Value - median)));
            // where most have one number, what differs from it by a hundredth is another one
            var far = spread > 0 ? MostSpreads * spread : 0.01 * Math.Abs(median);
            foreach (var one in known.Where(one => Math.Abs(one.Value - median) > far && far > 0))
                marks[(one.Patient.Split, one.Patient.Name)].Add(name);
        }
    }

    /// <summary>Voxels and their size, for people.</summary>
    public string Grid => string.Create(CultureInfo.InvariantCulture, $"{string.Join('×', Shape)}, {string.Join('×', Spacing)} mm");

    /// <summary>The ranges of its images, for people: one where all have the same.</summary>
    public string RangeWords =>
        Ranges.Values.Distinct().Count() == 1
            ? Words(Ranges.Values.First())
            : string.Join(", ", Ranges.Select(range => $"{range.Key} {Words(range.Value)}"));

    // of the patients, and spreads from the median: seven median deviations are about five standard deviations of normal numbers
    private const double Usual = 0.8, MostSpreads = 7;

    private const int FewestForSpread = 5;

    private static string Words(IntensitySpan range) => string.Create(CultureInfo.InvariantCulture, $"{range.Low:G4} to {range.High:G4}");
}
