using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// What <c>data import</c> records of a cohort in its <c>cohort.json</c>: how it was made, out of what, and what its intensities mean.
/// </summary>
public sealed record CohortSheet
{
    /// <summary>The file's name, in the cohort's folder.</summary>
    public const string FileName = "cohort.json";

    /// <summary>The file that stands in its place until every patient is written.</summary>
    public const string UnfinishedName = "import.json";

    /// <summary>How it was made.</summary>
    public required ImportRecipe Recipe { get; init; }

    /// <summary>The folder that it was made of, whole.</summary>
    public required string Source { get; init; }

    /// <summary>The kinds of image, in the order in which they are listed.</summary>
    public required IReadOnlyDictionary<string, KindFacts> Kinds { get; init; }

    /// <summary>
    /// Voxels of every volume in file order: towards the right, the front and the top of the head. Empty where sizes were kept.
    /// </summary>
    public required IReadOnlyList<int> Shape { get; init; }

    /// <summary>Voxel size of every volume in mm, in file order. Empty where sizes were kept and differ.</summary>
    public required IReadOnlyList<double> Spacing { get; init; }

    /// <summary>
    /// SHA-256 over the names of all images that the layout took, be they of use or not, by which a source is known that has changed.
    /// </summary>
    public required string Listing { get; init; }

    /// <summary>What was imported, by split and name.</summary>
    public required IReadOnlyList<ImportedScan> Scans { get; init; }

    /// <summary>What the recipe asks for and the source has not, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What was not, and why.</summary>
    public required IReadOnlyList<LeftOut> LeftOut { get; init; }

    /// <summary>SHA-256 of the file.</summary>
    [JsonIgnore]
    public string Sha256 { get; private init; } = "";

    /// <summary>
    /// The intensities of a kind that become 0 and 1 with <c>normalization: cohort</c>; null for a file's smallest and largest.
    /// </summary>
    public IntensitySpan? SpanOf(string kind) => Kinds.GetValueOrDefault(kind)?.Span;

    /// <summary>
    /// Writes what volumes are prepared by, as the sheet of another cohort that holds some of the images: kinds and their intensities, the
    /// recipe without what it says of the source's files, and nothing of patients.
    /// </summary>
    /// <param name="cohort">The other cohort's folder.</param>
    public void WriteWithoutSource(string cohort) => AtomicFile.WriteText(Path.Combine(cohort, FileName), SealedJson.Text(this with
    {
        Recipe = Recipe with { Map = [], Split = null },
        Source = "",
        Listing = "",
        Scans = [],
        Warnings = [],
        LeftOut = [],
    }));

    /// <summary>The scan of a name, or null where none is called so.</summary>
    internal ImportedScan? Find(string name) => Scans.FirstOrDefault(scan => scan.Name == name);

    /// <summary>Reads a cohort's sheet, or null where it has none.</summary>
    /// <exception cref="PlanException">It is not what was written.</exception>
    internal static CohortSheet? Read(string cohort)
    {
        var path = Path.Combine(cohort, FileName);
        if (!File.Exists(path))
            return null;
        try
        {
            var text = RegularFile.ReadText(path);
            return SealedJson.Read<CohortSheet>(text) with { Sha256 = Convert.ToHexStringLower(
                SHA256.HashData(Encoding.UTF8.GetBytes(text))) };
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or IOException or UnauthorizedAccessException)
        {
            throw new PlanException(
                $"{path} is not what `data import` wrote: {JsonFault.Why(e).Split('\n')[0].TrimEnd('.')}; "
                + "put it back, or import the cohort anew.",
                "cohort");
        }
    }

    /// <summary>Refuses a cohort of which a part is not imported yet.</summary>
    /// <exception cref="PlanException">It is one.</exception>
    internal static void RefuseUnfinished(string cohort)
    {
        if (File.Exists(Path.Combine(cohort, UnfinishedName)) && !File.Exists(Path.Combine(cohort, FileName)))
            throw new PlanException($"the import into '{cohort}' is not finished; the same `data import` goes on with it.", "cohort");
    }
}

/// <summary>
/// How a cohort is made of other people's folders; the same recipe and the same files give the same bytes on one machine.
/// </summary>
public sealed record ImportRecipe
{
    /// <summary>How the source is laid out: <c>bids</c>, <c>brats</c>, <c>nnunet</c>, <c>folders</c>, <c>csv</c> or <c>dicom</c>.</summary>
    public required string Layout { get; init; }

    /// <summary>What files are called by the user, <c>*_t1c=t1c</c>.</summary>
    public IReadOnlyList<string> Map { get; init; } = [];

    /// <summary>
    /// Which labels of masks make which mask, <c>1,4:tumour</c>. Where there are none, whatever is above one half is tumour.
    /// </summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>
    /// Shares of patients in train, val and test, or the file that says which patient belongs to which. Default null: as the source has
    /// them, and 80/10/10 of those
    /// of whom it says nothing.
    /// </summary>
    public string? Split { get; init; }

    /// <summary>Seed of the draw. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Voxel size in mm that was asked for, towards right, front and top; null where nobody did.</summary>
    public IReadOnlyList<double>? Spacing { get; init; }

    /// <summary>What is done to intensities: <c>percentile 0.5 99.5</c>, <c>zscore</c>, <c>fixed -100 300</c> or <c>keep</c>.</summary>
    public string Intensity { get; init; } = "percentile 0.5 99.5";

    /// <summary>Whether files that need no change are links to the source; grids are kept then.</summary>
    public bool Link { get; init; }

    /// <summary>A voxel size as the command line takes it, one number where the three are one.</summary>
    internal static string Words(IReadOnlyList<double> spacing) =>
        string.Join(
            ' ',
            (spacing.Distinct().Count() == 1 ? spacing.Take(1) : spacing).Select(size => size.ToString(CultureInfo.InvariantCulture)));
}

/// <summary>A kind of image of a cohort.</summary>
/// <param name="Mask">Whether its images are masks of 0 and 1.</param>
/// <param name="Unit">What its numbers mean: <c>label</c>, <c>share</c> of the range from the lower to the upper percentile, <c>sd</c> for
/// standard deviations within the head, <c>source</c> where they are the source's own.</param>
/// <param name="Span">The intensities that become 0 and 1 in training; null for a mask, and for a file's own smallest and largest.</param>
public sealed record KindFacts(bool Mask, string Unit, IntensitySpan? Span);

/// <summary>Two intensities, between which a network sees differences.</summary>
/// <param name="Low">What becomes 0.</param>
/// <param name="High">What becomes 1.</param>
public sealed record IntensitySpan(double Low, double High);

/// <summary>A scan that was imported: a folder of the cohort.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Split">Its split.</param>
/// <param name="Patient">The patient, who has other scans in the same split.</param>
/// <param name="Visit">The visit, or empty.</param>
/// <param name="Files">What each kind was made of.</param>
/// <param name="Grid">The grid that it had, for what is generated from it to go back to.</param>
/// <param name="Labels">Voxels of each label of its mask, before any was chosen; empty where it has none.</param>
/// <param name="LesionVolume">Volume of its tumours in mm³, or null where it has no mask.</param>
public sealed record ImportedScan(
    string Name,
    string Split,
    string Patient,
    string Visit,
    IReadOnlyDictionary<string, SourceFile> Files,
    SourceGrid Grid,
    IReadOnlyDictionary<string, long> Labels,
    double? LesionVolume)
{
    /// <summary>
    /// The files of its folder in the cohort by name, as they were written or, of a link, as what it leads to; empty in a sheet of before
    /// there were such.
    /// </summary>
    public IReadOnlyDictionary<string, FileFacts> Written { get; init; } = new Dictionary<string, FileFacts>();
}

/// <summary>A file that was imported.</summary>
/// <param name="Path">Its path below the source, with <c>/</c>.</param>
/// <param name="Sha256">Hash of its bytes.</param>
/// <param name="Linked">Whether the cohort holds a link to it.</param>
public sealed record SourceFile(string Path, string Sha256, bool Linked)
{
    /// <summary>
    /// The intensities of the file that became those of the kind's <see cref="KindFacts.Span"/>; null for a mask, and where they were
    /// kept.
    /// </summary>
    public IntensitySpan? Span { get; init; }
}

/// <summary>The grid of a source's volume.</summary>
/// <param name="Shape">Voxels in file order.</param>
/// <param name="Affine">Rows of the 4×4 matrix from voxel indices to millimetres.</param>
public sealed record SourceGrid(IReadOnlyList<int> Shape, IReadOnlyList<IReadOnlyList<double>> Affine);

/// <summary>Something of the source that is not in the cohort.</summary>
/// <param name="Path">The file or folder below the source, or the scan's name.</param>
/// <param name="Why">Why not, as the end of a sentence.</param>
public sealed record LeftOut(string Path, string Why);
