using System.Security.Cryptography;
using System.Text;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>What <c>data import</c> takes for what, before anything is done.</summary>
public sealed class SourceListing
{
    private static readonly ISourceLayout[] Known =
        [new DicomLayout(), new BidsLayout(), new NnunetLayout(), new BratsLayout(), new FoldersLayout()];

    private SourceListing(
        string source,
        string layout,
        string sign,
        IReadOnlyList<SourceScan> scans,
        IReadOnlyList<ListedKind> kinds,
        IReadOnlyList<LeftOut> leftOut) =>
        (Source, Layout, Sign, Scans, Kinds, LeftOut) = (source, layout, sign, scans, kinds, leftOut);

    /// <summary>Names of the layouts, <c>auto</c> first.</summary>
    public static IReadOnlyList<string> Layouts { get; } = ["auto", .. Known.Select(layout => layout.Name), "csv"];

    /// <summary>The source's whole path.</summary>
    public string Source { get; }

    /// <summary>How it is laid out.</summary>
    public string Layout { get; }

    /// <summary>What that was recognised by.</summary>
    public string Sign { get; }

    /// <summary>The scans, by patient and visit.</summary>
    public IReadOnlyList<SourceScan> Scans { get; }

    /// <summary>The kinds of image, in order.</summary>
    public IReadOnlyList<ListedKind> Kinds { get; }

    /// <summary>What is not taken, and why.</summary>
    public IReadOnlyList<LeftOut> LeftOut { get; }

    /// <summary>What the source calls its splits, in its own spelling.</summary>
    internal IReadOnlyList<string> SplitWords { get; private init; } = [];

    /// <summary>What the user should know, a sentence each.</summary>
    internal IReadOnlyList<string> Told { get; private init; } = [];

    /// <summary>Lists a source by names alone.</summary>
    /// <param name="source">Its folder.</param>
    /// <param name="layout">One of <see cref="Layouts"/>.</param>
    /// <param name="table">The table of the layout <c>csv</c>, or null.</param>
    /// <param name="map">What files are called, <c>*_t1c=t1c</c>.</param>
    /// <exception cref="PlanException">There is no such folder, or nothing in it is recognised.</exception>
    public static SourceListing Of(string source, string layout = "auto", string? table = null, IReadOnlyList<string>? map = null)
    {
        if (!Directory.Exists(source) || FolderEntry.WhyNotListed(source) is not null)
        {
            var why = FolderEntry.WhyNotListed(source) ?? $"does not exist{NearPaths.Suggestion(source, Directory.Exists)}";
            throw new PlanException($"the source '{source}' {why}; name the folder that holds the images.");
        }

        if ((layout == "csv") != (table is not null))
            throw new PlanException("--layout csv FILE names a table, and no other layout does.");
        var tree = SourceTree.Of(source);
        if (tree.Images.Count == 0)
            throw new PlanException(WhyNoImages(tree));
        var (chosen, sign) = layout switch
        {
            "csv" => (new CsvLayout(table!), $"the table {table}"),
            "auto" => Recognised(tree),
            _ =>
                Known.First(one => one.Name == layout) is var named && named.Sign(tree) is { } found
                    ? (named, found)
                    : throw new PlanException($"nothing in '{source}' looks like {layout}: {Hint(tree)}"),
        };
        return Read(tree, chosen, sign, KindMap.Of(map ?? []));
    }

    /// <summary>SHA-256 over the names of all images that are taken.</summary>
    internal string Hash() => Convert.ToHexStringLower(
        SHA256.HashData(
            Encoding.UTF8.GetBytes(string.Join('\n', Scans.SelectMany(scan => scan.Images.Values).Order(StringComparer.Ordinal)))));

    /// <summary>The listing with other scans, of which some were looked at and not taken.</summary>
    internal SourceListing With(IReadOnlyList<SourceScan> scans, IReadOnlyList<LeftOut> leftOut) =>
        new(
            Source,
            Layout,
            Sign,
            scans,
            [
                .. Kinds.Select(kind => kind with { Files = scans.Count(scan => scan.Images.ContainsKey(kind.Kind)) })
                    .Where(kind => kind.Files > 0)
            ],
            [.. LeftOut, .. leftOut]) { SplitWords = SplitWords, Told = Told };

    private static (ISourceLayout, string) Recognised(SourceTree tree)
    {
        foreach (var layout in Known)
        {
            if (layout.Sign(tree) is { } sign)
                return (layout, sign);
        }

        throw new PlanException($"nothing in '{tree.Root}' is recognised: {Hint(tree)}");
    }

    private static string Hint(SourceTree tree) =>
        $"it holds images such as {tree.Images[0].Path}; name each patient's with --layout csv FILE, or see docs/data.md for the layouts.";

    private static string WhyNoImages(SourceTree tree)
    {
        if (tree.Others.FirstOrDefault(path => path.EndsWith(".dcm", StringComparison.OrdinalIgnoreCase)) is { } slice)
            return $"'{tree.Root}' holds files such as {slice}, of which none is an image that can be read as DICOM, and no NIfTI.";
        return tree.LeftOut.FirstOrDefault() is { } first
            ? $"'{tree.Root}' holds no image that can be opened: {first.Path} {first.Why}."
            : $"'{tree.Root}' holds no file that ends in .nii or .nii.gz.";
    }

    private static SourceListing Read(SourceTree tree, ISourceLayout layout, string sign, KindMap map)
    {
        var leftOut = new List<LeftOut>(tree.LeftOut);
        if (map.Unused(tree.Images).FirstOrDefault() is { } unused)
            throw new PlanException($"--map {unused} fits none of the {tree.Images.Count} images, such as {tree.Images[0].Path}; correct "
                + "the pattern.");
        var taken = new List<TakenImage>();
        foreach (var image in layout.Take(tree, map, leftOut.Add))
        {
            if (WhyNotTaken(image, map) is { } why)
                leftOut.Add(new LeftOut(image.Image.Path, why));
            else
                taken.Add(image);
        }

        List<string> told = [.. tree.Hidden.Count == 0 ? [] : new[] { HiddenSentence(tree.Hidden) }, .. layout.Told(tree, taken)];
        if (layout is not CsvLayout)
            told.AddRange(OtherFormats.Sentences(tree));
        if (layout is BidsLayout or BratsLayout && taken.Select(image => image.Split).Distinct().ToArray() is [{ } shipped])
        {
            // a challenge ships what is to be trained on, and keeps the rest
            taken = [.. taken.Select(image => image with { Split = null })];
            told.Add($"all images lie in a folder {shipped}, which is not taken for a split, as there is no other one");
        }

        var scans = taken.GroupBy(image => (image.Patient, image.Visit))
            .Select(scan => Scan(scan.Key.Patient, scan.Key.Visit, [.. scan], leftOut))
            .OrderBy(scan => scan.Patient, StringComparer.Ordinal).ThenBy(scan => scan.Visit, StringComparer.Ordinal).ToArray();
        var full = taken.Select(image => image.Image.Folder).ToHashSet();
        leftOut.AddRange(Emptied(layout, tree, full).Select(visit => new LeftOut(visit, "holds no image that is taken")));
        if (scans.GroupBy(scan => scan.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new PlanException($"two scans would be called {twice.Key}: "
                + $"{string.Join(" and ", twice.Select(scan => $"{scan.Patient} {scan.Visit}".Trim()))}; rename one of the folders.");
        if (scans.Length == 0)
            throw new PlanException(leftOut.Count == 0
                ? $"nothing in '{tree.Root}' is taken as {layout.Name}: {sign} names no image."
                : $"nothing in '{tree.Root}' is taken as {layout.Name}: {leftOut[0].Path} {leftOut[0].Why}; --map says what files are, as "
                    + "in --map \"*_t1c=t1c\".");
        var kinds = ImageKinds.Ordered(taken.Select(image => image.Kind)).Select(kind => new ListedKind(
            kind,
            scans.Count(scan => scan.Images.ContainsKey(kind)),
            [.. taken.Where(image => image.Kind == kind).Select(image => image.Pattern).Distinct().Order(StringComparer.Ordinal)]));
        return new SourceListing(tree.Root, layout.Name, sign, scans, [.. kinds], leftOut)
        {
            Told = told,
            SplitWords = [.. taken.Select(image => image.Split).OfType<string>().Distinct().Order(StringComparer.Ordinal)],
        };
    }

    private static string? WhyNotTaken(TakenImage image, KindMap map) => image switch
    {
        { Kind: "" } => map.KindOf(image.Image) is null ? "has a name of which no kind is left" : "is left out by --map",
        _ when ScanFolder.WhyTooLong(SourceScan.NameOf(image.Patient, image.Visit)) is { } why =>
            $"is of a patient whose name with the visit {why}, and a folder of the cohort is called after it",
        _ => null,
    };

    private static string HiddenSentence(IReadOnlyList<string> hidden)
    {
        const int most = 5;
        return $"{hidden.Count} {(hidden.Count == 1 ? "entry is" : "entries are")} hidden and passed over: "
            + string.Join(", ", hidden.Take(most)) + (hidden.Count > most ? " …" : "");
    }

    /// <summary>Folders of visits without any image that was taken; each folder above one that has some is looked up once.</summary>
    private static IEnumerable<string> Emptied(ISourceLayout layout, SourceTree tree, IEnumerable<string> full)
    {
        var used = new HashSet<string>();
        foreach (var folder in full)
        {
            for (var above = folder; above.Length > 0 && used.Add(above);)
                above = above.LastIndexOf('/') is >= 0 and var slash ? above[..slash] : "";
        }

        return layout.Visits(tree).Where(visit => !used.Contains(visit));
    }

    private static SourceScan Scan(string patient, string visit, IReadOnlyList<TakenImage> images, List<LeftOut> leftOut)
    {
        var chosen = new Dictionary<string, string>();
        foreach (var kind in images.GroupBy(image => image.Kind))
        {
            var inOrder = kind.OrderBy(image => image.Rank).ThenBy(image => image.Image.Stem, StringComparer.Ordinal)
                .ThenByDescending(image => image.Image.IsCompressed).ThenBy(image => image.Image.Path, StringComparer.Ordinal).ToArray();
            chosen[kind.Key] = inOrder[0].Image.Path;
            if (kind.Key == ImageKinds.Seg
                && inOrder.FirstOrDefault(one => one.Rank == inOrder[0].Rank && one.Image.Stem != inOrder[0].Image.Stem) is { } other)
                throw new PlanException($"{$"{patient} {visit}".Trim()} has several masks of tumours, such as {inOrder[0].Image.Path} and "
                    + $"{other.Image.Path}; say what they are, as in --map \"*{inOrder[0].Image.Stem}=seg\" --map "
                    + $"\"*{other.Image.Stem}=\", where = leaves a file out and =seg_NAME makes another mask of it.");
            leftOut.AddRange(
                inOrder.Skip(1).Select(
                    more =>
                        new LeftOut(
                            more.Image.Path,
                            $"is one more {kind.Key} of the same scan, and {Path.GetFileName(inOrder[0].Image.Path)} is taken; --map "
                                + $"\"PATTERN={kind.Key}\" takes another")));
        }

        string[] splits = [.. images.Select(image => image.Split).OfType<string>().Distinct()];
        if (splits.Select(SplitNames.Of).Distinct().Count() > 1)
            throw new PlanException($"{$"{patient} {visit}".Trim()} is in {string.Join(" and in ", splits)}; a scan belongs to one split: "
                + "take it out of the others.");
        var split = splits.FirstOrDefault();
        return new SourceScan(patient, visit, chosen) { Split = split is null ? null : SplitNames.Of(split) };
    }
}

/// <summary>A kind of image of a source.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Files">How many scans have it.</param>
/// <param name="Patterns">What files it was recognised by.</param>
public sealed record ListedKind(string Kind, int Files, IReadOnlyList<string> Patterns);
