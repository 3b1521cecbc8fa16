using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// What has to be known of every scan before the first is written: where its head is, how much of it is tumour, and what its files hold.
/// </summary>
/// <param name="Scan">The scan.</param>
/// <param name="Sha256">Hash of each of its files, by kind.</param>
/// <param name="First">The first voxel of the box of head and masks in the scan's oriented grid.</param>
/// <param name="Last">The last one.</param>
/// <param name="Labels">Voxels of each label of its mask.</param>
/// <param name="LesionVolume">Volume of its tumours in mm³, or null where it has no mask.</param>
internal sealed record ScanSurvey(
    SourceScan Scan,
    IReadOnlyDictionary<string, string> Sha256,
    IReadOnlyList<int> First,
    IReadOnlyList<int> Last,
    IReadOnlyDictionary<string, long> Labels,
    double? LesionVolume)
{
    private const int MostLabels = 64;

    // voxels around the head, on each side
    private const int Margin = 2;

    /// <summary>Looks at a scan.</summary>
    /// <exception cref="InvalidDataException">It cannot be used; the message is the end of a sentence that its name begins.</exception>
    public static ScanSurvey Of(ImportPlan plan, SourceScan scan, CancellationToken stop)
    {
        var reference = Read(plan, scan, plan.Reference(scan));
        var (first, last) = Box(reference, plan.Grid(scan));
        var (labels, volume) = (new SortedDictionary<string, long>(StringComparer.Ordinal), (double?)null);
        stop.ThrowIfCancellationRequested();
        if (scan.Images.ContainsKey(ImageKinds.Seg))
        {
            var mask = Read(plan, scan, ImageKinds.Seg);
            var tumour = plan.Labels.FirstOrDefault(rule => rule.Kind == ImageKinds.Seg);
            bool IsTumour(float value) => plan.Labels.Count == 0 ? LabelRule.IsTumour(value) : tumour?.Has(value) == true;
            (first, last) = WithMask(first, last, mask, plan, plan.Grid(scan));
            var voxels = Count(mask, labels, IsTumour);
            RequireOverlap(reference, mask, IsTumour, voxels);
            volume = voxels * Math.Abs(NiftiAffine.Determinant(mask.Header.Affine));
        }

        var hashes = scan.Kinds.ToDictionary(kind => kind, kind => FileFacts.Hash(Path.Combine(plan.Listing.Source, scan.Images[kind])));
        return new ScanSurvey(scan, hashes, first, last, labels, volume);
    }

    /// <summary>Reads an image.</summary>
    /// <exception cref="InvalidDataException">It cannot be used.</exception>
    public static NiftiVolume Read(ImportPlan plan, SourceScan scan, string kind)
    {
        var path = Path.Combine(plan.Listing.Source, scan.Images[kind]);
        try
        {
            var volume = NiftiFile.Read(path);
            return volume.NonFinite == 0
                ? volume
                : throw new InvalidDataException($"{path}: it has {volume.NonFinite} voxels that are not finite");
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            var what = ImageKinds.IsMask(kind) ? "a mask" : "an image";
            throw new InvalidDataException($"has {what} {scan.Images[kind]} that cannot be used: {Sentence(e, path)}", e);
        }
    }

    /// <summary>What an exception says of a file, without its name and a full stop.</summary>
    public static string Sentence(Exception e, string path) =>
        (e.Message.StartsWith(path, StringComparison.Ordinal) ? e.Message[path.Length..].TrimStart(':', ' ') : e.Message).TrimEnd('.');

    /// <summary>The head's box in the oriented grid, with a margin as far as the image reaches.</summary>
    private static (int[] First, int[] Last) Box(NiftiVolume reference, FileGrid grid) =>
        Turned(reference, grid, HeadRegion.Of(reference.Intensities.Span, Shape(reference)).Bounds());

    /// <summary>A box that holds the mask's voxels too: a lesion may lie outside of what is taken for the head.</summary>
    private static (int[] First, int[] Last) WithMask(int[] first, int[] last, NiftiVolume mask, ImportPlan plan, FileGrid grid)
    {
        var voxels = mask.Intensities;
        if (VoxelBounds.Of(
            Shape(mask), i => voxels.Span[i] is not 0 and var label && LabelRule.IsTaken(plan.Labels, label)) is not { } bounds)
            return (first, last);
        var (from, to) = Turned(mask, grid, bounds);
        return ([.. first.Zip(from, Math.Min)], [.. last.Zip(to, Math.Max)]);
    }

    // a file's first axis runs fastest, as a tensor's last one does
    private static VolumeShape Shape(NiftiVolume volume) =>
        new(1, volume.Header.Shape[2], volume.Header.Shape[1], volume.Header.Shape[0]);

    /// <summary>A box of a volume in the oriented grid, with a margin as far as that reaches.</summary>
    private static (int[] First, int[] Last) Turned(NiftiVolume volume, FileGrid grid, VoxelBounds bounds)
    {
        var way = NiftiAffine.Product(NiftiAffine.Inverse(grid.Affine), volume.Header.Affine);
        double[][] corners =
        [
            .. from x in Ends(bounds.W) from y in Ends(bounds.H) from z in Ends(bounds.D) select NiftiAffine.At(way, x, y, z),
        ];
        return (
            [.. Enumerable.Range(0, 3).Select(axis => Inside(Math.Round(corners.Min(corner => corner[axis])) - Margin, axis))],
            [.. Enumerable.Range(0, 3).Select(axis => Inside(Math.Round(corners.Max(corner => corner[axis])) + Margin, axis))]);

        static int[] Ends((int First, int Last) range) => [range.First, range.Last];

        int Inside(double at, int axis) => (int)Math.Clamp(at, 0, grid.Shape[axis] - 1);
    }

    private static long Count(NiftiVolume mask, SortedDictionary<string, long> labels, Func<float, bool> isTumour)
    {
        var (counts, tumour) = (new Dictionary<float, long>(), 0L);
        foreach (var value in mask.Intensities.Span)
        {
            if (value == 0)
                continue;
            var label = LabelRule.Label(value);
            if (!counts.TryAdd(label, 1))
                counts[label]++;
            if (counts.Count > MostLabels)
                throw new InvalidDataException($"has a mask with more than {MostLabels} values, which is no mask");
            if (isTumour(value))
                tumour++;
        }

        foreach (var (value, count) in counts)
            labels[value.ToString(CultureInfo.InvariantCulture)] = count;
        return tumour;
    }

    /// <summary>Refuses a mask of another place: a tumour of which a part lies outside of the image.</summary>
    private static void RequireOverlap(NiftiVolume reference, NiftiVolume mask, Func<float, bool> isTumour, long tumour)
    {
        const double most = 0.01;
        var way = NiftiAffine.Product(NiftiAffine.Inverse(reference.Header.Affine), mask.Header.Affine);
        var (own, shape, outside) = (mask.Header.Shape, reference.Header.Shape, 0L);
        var voxels = mask.Intensities.Span;
        for (var i = 0; i < voxels.Length; i++)
        {
            if (!isTumour(voxels[i]))
                continue;
            var place = NiftiAffine.At(way, i % own[0], i / own[0] % own[1], i / (own[0] * own[1]));
            if (Enumerable.Range(0, 3).Any(axis => place[axis] < -1 || place[axis] > shape[axis]))
                outside++;
        }

        if (outside > most * tumour)
            throw new InvalidDataException($"has a mask in another space: {outside} of its {tumour} tumour voxels lie outside of the "
                + "image");
    }
}
