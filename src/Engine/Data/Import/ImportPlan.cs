using System.Collections.Concurrent;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// What an import would do: the listing after every header was read, and the voxel size that follows. Nothing is made or written.
/// </summary>
public sealed class ImportPlan
{
    // of a voxel's size: scanners' rounding stays below it
    private const double SameSize = 0.01;

    // of a voxel: images of one patient that lie apart by less lie on each other
    private const double SamePlace = 0.5;

    private readonly ConcurrentDictionary<string, NiftiHeader> _headers = new();

    private ImportPlan(SourceListing listing, ImportRecipe recipe)
    {
        CheckRecipe(recipe);
        (Recipe, Split, Labels, Intensity) = (
            recipe with { Layout = listing.Layout },
            PatientSplit.Parse(recipe.Split),
            LabelRule.Of(recipe.Labels),
            IntensityRule.Parse(recipe.Intensity));
        Listing = Looked(listing);
        Spacing = recipe.Spacing ?? (recipe.Link ? null : CommonSpacing());
        OffGrid = Listing.Scans.Sum(scan =>
        {
            var grid = FileGrid.Oriented(Header(scan, Reference(scan)));
            return scan.Kinds.Count(kind => IsOffGrid(scan, kind, grid));
        });
        string[] respelt = [.. (Split.KeepsOwn ? Listing.SplitWords : Split.Words).Where(word => !Cohort.AllSplits.Contains(word))];
        _told.AddRange(listing.Told.Concat(LabelRule.Shared(Labels)));
        if (respelt.Length > 0)
            _told.Add(
                $"splits are spelt otherwise: {string.Join(", ", respelt.Select(word => $"{word} is taken as {SplitNames.Of(word)}"))}");
    }

    /// <summary>The recipe.</summary>
    public ImportRecipe Recipe { get; }

    /// <summary>What is imported.</summary>
    public SourceListing Listing { get; }

    /// <summary>The voxel size that volumes are brought to, towards right, front and top; null where each keeps its own.</summary>
    public IReadOnlyList<double>? Spacing { get; }

    /// <summary>How many files lie on another grid than the image of their scan with the smallest voxels, and are brought to it.</summary>
    public int OffGrid { get; }

    /// <summary>What the user should know, a sentence each.</summary>
    public IReadOnlyList<string> Told => _told;

    internal PatientSplit Split { get; }

    internal IReadOnlyList<LabelRule> Labels { get; }

    internal IntensityRule Intensity { get; }

    private readonly List<string> _told = [];

    /// <summary>Refuses a recipe that no source could be imported by.</summary>
    /// <exception cref="PlanException">It contradicts itself, or a part of it is none.</exception>
    public static void CheckRecipe(ImportRecipe recipe)
    {
        KindMap.Of(recipe.Map);
        PatientSplit.Parse(recipe.Split);
        var (labels, intensity) = (LabelRule.Of(recipe.Labels), IntensityRule.Parse(recipe.Intensity));
        if (recipe.Link && (!intensity.Keeps || recipe.Spacing is not null || labels.Count > 0))
            throw new PlanException("--link leaves files as they are, and --intensity, --spacing and --labels change them; leave one of "
                + "the two out.");
        if (recipe.Spacing is { } spacing && (spacing.Count != 3 || spacing.Any(size => size is not (> 0.001 and < 1000))))
            throw new PlanException($"--spacing {ImportRecipe.Words(spacing)}: expected a voxel size in mm above 0.001 and below 1000, as "
                + "in --spacing 1, or three of them, towards right, front and top.");
    }

    /// <summary>Reads the header of every image that is listed.</summary>
    /// <exception cref="PlanException">The recipe contradicts itself, or no scan can be used.</exception>
    public static ImportPlan Of(SourceListing listing, ImportRecipe recipe) => new(listing, recipe);

    /// <summary>How many patients each split gets.</summary>
    /// <exception cref="PlanException">A patient is in no split, or in two.</exception>
    public IReadOnlyDictionary<string, int> Counts() =>
        Cohort.AllSplits.ToDictionary(
            split => split,
            split => SplitsOf(new Dictionary<string, double?>()).Values.Count(one => one == split));

    /// <summary>The split of each patient.</summary>
    /// <param name="loads">Volume of the lesions of each scan, by its name; the draw is the same in its numbers without.</param>
    internal IReadOnlyDictionary<string, string> SplitsOf(IReadOnlyDictionary<string, double?> loads)
    {
        var patients = Listing.Scans.GroupBy(scan => PatientNames.Key(scan.Patient)).ToArray(); // one written in two ways is one
        foreach (var patient in patients.Where(_ => Split.KeepsOwn))
        {
            if (patient.Select(scan => scan.Split).Distinct().ToArray() is { Length: > 1 } several)
                throw new PlanException($"{patient.First().Patient} is in "
                    + $"{string.Join(" and in ", several.Select(split => split ?? "no split"))}; a patient belongs to one split: put it "
                    + "there, or say --split 80/10/10.");
        }

        double? Load(IEnumerable<SourceScan> visits) => visits.Select(scan => loads.GetValueOrDefault(scan.Name)).Average();
        var splits = Split.Of([.. patients.Select(visits => (visits.First().Patient, Load(visits), visits.First().Split))], Recipe.Seed);
        return patients.SelectMany(patient => patient.Select(scan => (scan.Patient, Split: splits[patient.First().Patient])).Distinct())
            .ToDictionary(one => one.Patient, one => one.Split);
    }

    internal NiftiHeader Header(SourceScan scan, string kind) => _headers[scan.Images[kind]];

    /// <summary>The oriented grid of the scan's reference, before it is cut to the head.</summary>
    internal FileGrid Grid(SourceScan scan) => FileGrid.Oriented(Header(scan, Reference(scan)), Spacing);

    /// <summary>The image whose grid a scan's others are brought to: the one with the smallest voxels, the first of those alike.</summary>
    internal string Reference(SourceScan scan)
    {
        var images = scan.Kinds.Where(kind => !ImageKinds.IsMask(kind))
            .Select(kind => (Kind: kind, Voxel: Math.Abs(NiftiAffine.Determinant(Header(scan, kind).Affine)))).ToArray();
        var least = images.Min(image => image.Voxel);
        return images.First(image => image.Voxel <= least * (1 + SameSize)).Kind;
    }

    /// <summary>Whether an image lies on another grid than the scan's reference, so that it is resampled in any case.</summary>
    private bool IsOffGrid(SourceScan scan, string kind, FileGrid grid)
    {
        var own = FileGrid.Oriented(Header(scan, kind));
        return !own.Shape.SequenceEqual(grid.Shape)
            || NiftiAffine.Distance(own.Affine, grid.Affine, own.Shape) > SameSize * grid.Spacing.Min();
    }

    private SourceListing Looked(SourceListing listing)
    {
        var faults = new ConcurrentDictionary<string, string>();
        Parallel.ForEach(listing.Scans.SelectMany(scan => scan.Images.Values), image =>
        {
            if (Fault(Path.Combine(listing.Source, image), out var header) is { } fault)
                faults[image] = fault;
            else
                _headers[image] = header!;
        });
        List<LeftOut> leftOut =
        [
            .. faults.OrderBy(fault => fault.Key, StringComparer.Ordinal).Select(fault => new LeftOut(fault.Key, fault.Value))
        ];
        List<SourceScan> scans = [];
        foreach (var scan in listing.Scans)
        {
            var readable = scan with { Images = scan.Images.Where(image => !faults.ContainsKey(image.Value)).ToDictionary() };
            var misplaced = readable.Kinds.Where(ImageKinds.IsMask).Select(mask => (mask, Why: Misplaced(readable, mask)))
                .Where(mask => mask.Why is not null).ToArray();
            leftOut.AddRange(misplaced.Select(mask => new LeftOut(readable.Images[mask.mask], mask.Why!)));
            var placed = readable.Images.Where(image => misplaced.All(mask => mask.mask != image.Key));
            var used = readable with { Images = placed.ToDictionary() };
            if (!used.HasImage)
                leftOut.Add(new LeftOut(scan.Name, "has no image that could be used"));
            else
                scans.Add(used);
        }

        if (scans.Count == 0)
            throw new PlanException($"no scan of '{listing.Source}' can be used: {leftOut[0].Path} {leftOut[0].Why}.");
        var unoriented = _headers.Count(one => one.Value is { SformCode: 0, QformCode: 0 });
        if (unoriented > 0)
            _told.Add(
                $"{unoriented} of {_headers.Count} images say nowhere which side is left; they are read as nibabel reads them, x to the "
                    + "left");
        return listing.With(scans, leftOut);
    }

    /// <summary>Why an image cannot be used, by its header.</summary>
    private static string? Fault(string path, out NiftiHeader? header)
    {
        header = null;
        try
        {
            header = NiftiFile.ReadHeader(path);
            if (header.Shape.Count < 3 || header.Shape.Skip(3).Any(size => size != 1))
                return $"has {string.Join('×', header.Shape)} voxels, which is not one volume; write the one that is meant to a file of "
                    + "its own";
            return NiftiGeometry.Faults(header).FirstOrDefault(fault => fault.Refused)?.Sentence;
        }
        catch (UnauthorizedAccessException)
        {
            return FolderEntry.Denied;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return $"cannot be read: {ScanSurvey.Sentence(e, path)}";
        }
    }

    /// <summary>
    /// Why a mask cannot be of the scan's images: it has the voxels of one and says that they lie elsewhere, so that one of the two is
    /// wrong. A mask on a grid of its own is brought to that of the images.
    /// </summary>
    private string? Misplaced(SourceScan scan, string mask)
    {
        var own = Header(scan, mask);
        int[] shape = [.. own.Shape.Take(3)];
        var alike = scan.Kinds.Where(kind => !ImageKinds.IsMask(kind) && Header(scan, kind).Shape.Take(3).SequenceEqual(shape))
            .Select(kind => (Kind: kind, Apart: NiftiAffine.Distance(Header(scan, kind).Affine, own.Affine, shape))).ToArray();
        return alike.Length > 0 && alike.MinBy(image => image.Apart) is var nearest
            && nearest.Apart > SamePlace * NiftiAffine.Sizes(own.Affine).Min()
            ? FormattableString.Invariant($"has as many voxels as {nearest.Kind} and lies up to {nearest.Apart:G3} mm from it, ")
                + "so that one of the two affines is wrong; write it with that of the image it was drawn on"
            : null;
    }

    /// <summary>
    /// The median voxel size where scans differ, or where pixels are not square, which a field of view with one length needs; null where
    /// all have one.
    /// </summary>
    private double[]? CommonSpacing()
    {
        double[][] sizes = [.. Listing.Scans.Select(scan => FileGrid.Oriented(Header(scan, Reference(scan))).Spacing.ToArray())];
        double Median(int axis) => Math.Round(sizes.Select(size => size[axis]).Order().ElementAt(sizes.Length / 2), 4);
        double[] median = [Median(0), Median(1), Median(2)];
        var (same, square) = (sizes.All(size => size.Zip(median).All(pair => Near(pair.First, pair.Second))), Near(median[0], median[1]));
        if (same && square)
            return null;
        median[0] = median[1] = Math.Min(median[0], median[1]);
        var why = same ? "pixels are not square" : $"voxel sizes differ between scans ({Range(0)}, {Range(1)}, {Range(2)} mm)";
        var size = FormattableString.Invariant($"{median[0]}×{median[1]}×{median[2]} mm");
        _told.Add($"{why}, so that all are resampled to {size}; --spacing chooses another");
        return median;

        bool Near(double one, double other) => Math.Abs(one - other) <= SameSize * Math.Max(one, other);
        string Range(int axis) =>
            FormattableString.Invariant($"{sizes.Min(size => size[axis]):0.###} to {sizes.Max(size => size[axis]):0.###}");
    }
}
