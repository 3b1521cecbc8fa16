using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>A series of DICOM images, which becomes a volume.</summary>
/// <param name="Patient">The patient's folder.</param>
/// <param name="Visit">The day of the study, or its number where it names none.</param>
/// <param name="Description">What the series is called.</param>
/// <param name="Number">Its number in the study.</param>
/// <param name="Files">Its files, whole paths, by name.</param>
internal sealed record DicomSeries(string Patient, string Visit, string Description, int Number, IReadOnlyList<string> Files)
{
    // of the distance between slices: scanners' rounding stays below it
    private const double SameGap = 0.02;

    // of a millimetre, and of a direction
    private const double SamePlace = 1e-2, SameDirection = 1e-3;

    /// <summary>The number that its images begin with, where that tells of slices that may be missing before; else null.</summary>
    public int? FirstNumber { get; init; }

    /// <summary>SHA-256 over the hashes of its files.</summary>
    public string Hash() => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', Files.AsParallel().AsOrdered().Select(FileFacts.Hash)))));

    /// <summary>Looks for series below a folder.</summary>
    /// <param name="tree">The folder.</param>
    /// <param name="passed">Is given each file and series that is not taken, with a reason.</param>
    public static IReadOnlyList<DicomSeries> Of(SourceTree tree, Action<LeftOut> passed)
    {
        var (read, faults) = (new ConcurrentBag<DicomFile>(), new ConcurrentBag<LeftOut>());
        Parallel.ForEach(tree.Others.Where(path => DicomFile.IsOne(Path.Combine(tree.Root, path))), path =>
        {
            try
            {
                read.Add(DicomFile.Read(Path.Combine(tree.Root, path)));
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                faults.Add(new LeftOut(path, e is InvalidDataException ? e.Message : $"cannot be read: {e.Message}"));
            }
        });
        foreach (var fault in faults.OrderBy(one => one.Path, StringComparer.Ordinal))
            passed(fault);
        string Below(string path) => Path.GetRelativePath(tree.Root, path);
        var images = read.Where(file => file.HasPixels).OrderBy(file => file.Path, StringComparer.Ordinal).ToArray();
        var days = Visits(images);
        var series = new List<DicomSeries>();
        foreach (var one in images.GroupBy(file => (PatientOf(file, Below(file.Path)), file.Study, file.Series)))
        {
            DicomFile[] files = [.. one];
            var first = files[0];
            if ((WhyNotTaken(files, one.Key.Item1, days[first.Study]) ?? DicomNumbers.WhyNotWhole(files, images)) is { } why)
                passed(new LeftOut(
                    Below(first.Path),
                    $"{(files.Length == 1 ? "alone is its" : $"and the {files.Length - 1} other files of its")} "
                    + $"series ({first.Description} "
                        + $"{first.SeriesNumber}){(files.Length == 1 ? " and is" : " are")} not taken: {why}"));
            else
                series.Add(new DicomSeries(
                    one.Key.Item1, days[first.Study], first.Description, first.SeriesNumber, [.. files.Select(file => file.Path)])
                {
                    FirstNumber = DicomNumbers.First(files, images),
                });
        }

        var alike = images.Select(file => (Id: file.PatientId, Name: PatientOf(file, Below(file.Path)))).Distinct()
            .GroupBy(one => one.Name).FirstOrDefault(group => group.Count() > 1);
        return alike is null
            ? [.. series.OrderBy(one => one.Patient, StringComparer.Ordinal).ThenBy(one => one.Visit, StringComparer.Ordinal)
                .ThenBy(one => one.Number).ThenBy(one => one.Files[0], StringComparer.Ordinal)]
            : throw new PlanException($"two patients of '{tree.Root}' would be called {alike.Key}: "
                + $"{string.Join(" and ", alike.Select(one => $"`{one.Id}`"))}; change the PatientID of one.");
    }

    /// <summary>What studies are called: their days, and with the time, and a number, where a patient has several on one.</summary>
    private static Dictionary<string, string> Visits(IReadOnlyList<DicomFile> images)
    {
        var names = new Dictionary<string, string>();
        foreach (var day in images.DistinctBy(file => file.Study).GroupBy(file => (file.PatientId, file.StudyDate)))
        {
            DicomFile[] studies =
            [
                .. day.OrderBy(file => file.StudyTime, StringComparer.Ordinal).ThenBy(file => file.Study, StringComparer.Ordinal),
            ];
            var date = day.Key.StudyDate.Length == 0 ? "study" : day.Key.StudyDate;
            var taken = new HashSet<string>();
            foreach (var study in studies)
            {
                var time = study.StudyTime.Split('.')[0];
                var name = FolderName(studies.Length == 1 || time.Length == 0 ? date : $"{date}-{time}");
                names[study.Study] = Enumerable.Range(1, studies.Length).Select(i => i == 1 ? name : $"{name}-{i}").First(taken.Add);
            }
        }

        return names;
    }

    /// <summary>The patient's folder: the identity, or else the first folder that the file lies in.</summary>
    private static string PatientOf(DicomFile file, string below) =>
        FolderName(file.PatientId.Length > 0 ? file.PatientId : below.Contains('/') ? below.Split('/')[0] : "");

    private static string FolderName(string text)
    {
        var name = string.Concat(text.Select(letter => char.IsControl(letter) || letter is '/' or '\\' ? '_' : letter)).Trim();
        return name.StartsWith('.') ? "_" + name[1..] : name;
    }

    private static string? WhyNotTaken(IReadOnlyList<DicomFile> files, string patient, string visit)
    {
        if (patient.Length == 0)
            return "they name no patient (PatientID), and lie in no folder that does";
        if (ScanFolder.WhyNoName(SourceScan.NameOf(patient, visit)) is { } why)
            return $"the name of their patient (PatientID) with the day {why}, and a folder of the cohort is called after it";
        if (files[0].Series.Length == 0 || files[0].Study.Length == 0)
            return "they do not say to which series and study they belong";
        var isOneOfMany = files is [{ Frames: > 1 }];
        if (!isOneOfMany && files.Any(file => file.Frames > 1) || isOneOfMany && files[0].FramePositions.Count == 0)
            return null; // its places are known to dcm2niix, if to anybody
        var positions = isOneOfMany ? files[0].FramePositions : [.. files.Select(file => file.Position)];
        var orientations = isOneOfMany ? files[0].FrameOrientations : [.. files.Select(file => file.Orientation)];
        if (isOneOfMany && (positions.Count != files[0].Frames || orientations.Count is var said && said != 1 && said != positions.Count))
            return $"of its {files[0].Frames} frames {Math.Min(positions.Count, orientations.Count)} say where they lie";
        if (positions.Concat(orientations).Any(place => place is null))
            return "they do not say where they lie (ImagePositionPatient, ImageOrientationPatient)";
        var directions = orientations[0]!;
        if (orientations.Any(other => other!.Zip(directions, (one, another) => Math.Abs(one - another)).Max() > SameDirection))
            return "they lie in several directions, as a localizer's do";
        double[] normal =
        [
            directions[1] * directions[5] - directions[2] * directions[4],
            directions[2] * directions[3] - directions[0] * directions[5],
            directions[0] * directions[4] - directions[1] * directions[3],
        ];
        var slices = positions.Select(position => new Slice(Dot(position!, normal), position!)).OrderBy(slice => slice.Place);
        return WhyNoStack([.. slices], normal);
    }

    /// <summary>An image's place along the normal, and in space.</summary>
    private sealed record Slice(double Place, double[] Position)
    {
        public int Images { get; init; } = 1;
    }

    private static double Dot(IEnumerable<double> one, IEnumerable<double> other) => one.Zip(other, (a, b) => a * b).Sum();

    /// <summary>Why images at these places are no volume.</summary>
    private static string? WhyNoStack(IReadOnlyList<Slice> images, double[] normal)
    {
        var slices = new List<Slice>();
        foreach (var image in images)
        {
            if (slices.Count > 0 && image.Place - slices[^1].Place < SamePlace)
                slices[^1] = slices[^1] with { Images = slices[^1].Images + 1 };
            else
                slices.Add(image);
        }

        if (slices.Count == 1)
            return "they are one slice and no volume";
        var most = slices.CountBy(slice => slice.Images).MaxBy(count => count.Value).Key;
        if (slices.FirstOrDefault(slice => slice.Images < most) is { } poor)
            return FormattableString.Invariant($"a slice is missing: there are {most} images of most places, and {poor.Images} at ")
                + Along(poor);
        if (slices.FirstOrDefault(slice => slice.Images > most) is { } rich)
            return FormattableString.Invariant(
                $"there are {rich.Images} images at {Along(rich)}, and {most} of most places; remove the copies");
        var usual = Median.Of(slices.Zip(slices.Skip(1), (one, next) => next.Place - one.Place));
        foreach (var (one, next) in slices.Zip(slices.Skip(1)))
        {
            var gap = next.Place - one.Place;
            if (gap > 1.5 * usual)
                return FormattableString.Invariant($"a slice is missing between {one.Place:0.###} and {Along(next)}, where the others are ")
                    + FormattableString.Invariant($"{usual:0.###} mm apart");
            if (Math.Abs(gap - usual) > SameGap * usual)
                return FormattableString.Invariant($"slices are {gap:0.###} mm apart between {one.Place:0.###} and {Along(next)}, and ")
                    + FormattableString.Invariant($"{usual:0.###} mm elsewhere");
            double[] way = [.. next.Position.Zip(one.Position, (end, begin) => end - begin)];
            var aside = Math.Sqrt(Math.Max(0, Dot(way, way) - Dot(way, normal) * Dot(way, normal)));
            if (aside > SameGap * usual)
                return FormattableString.Invariant($"slices are shifted sideways by {aside:0.###} mm from one to the next, as a tilted ")
                    + "gantry leaves them, and no grid is so";
        }

        return null;
    }

    private static string Along(Slice slice) => FormattableString.Invariant($"{slice.Place:0.###} mm along the normal");
}
