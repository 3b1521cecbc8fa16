using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// Makes NIfTI of a folder of DICOM, by dcm2niix: a folder <c>PATIENT/DAY/NUMBER_DESCRIPTION.nii.gz</c> that the layout <c>dicom</c> reads.
/// Which series there are, and whether their slices are complete, is found before.
/// </summary>
public sealed class DicomConversion
{
    private const string UnfinishedName = "converting.json", WorkName = ".converting";

    private readonly string _source;
    private readonly IReadOnlyList<DicomSeries> _series;
    private readonly IReadOnlyList<LeftOut> _leftOut;

    private readonly IReadOnlyList<string> _told;

    private DicomConversion(SourceTree tree, IReadOnlyList<DicomSeries> series, IReadOnlyList<LeftOut> leftOut) =>
        (_source, _series, _leftOut, _told) = (tree.Root, series, leftOut, [.. OtherFormats.BesideDicom(tree), .. Beginnings(series)]);

    /// <summary>How many series are converted.</summary>
    public int Count => _series.Count;

    /// <summary>The folder of DICOM, whole.</summary>
    public string Source => _source;

    /// <summary>Whether a folder is DICOM still: it holds some and no NIfTI, or the layout says so.</summary>
    /// <param name="source">The folder.</param>
    /// <param name="layout">One of <see cref="SourceListing.Layouts"/>.</param>
    public static bool IsNeeded(string source, string layout)
    {
        if (layout is not ("auto" or DicomLayout.LayoutName))
            return false;
        var tree = SourceTree.Of(source);
        return !tree.Others.Contains(DicomRecord.FileName)
            && (tree.Images.Count == 0 || layout == DicomLayout.LayoutName)
            && tree.Others.Any(path => DicomFile.IsOne(Path.Combine(tree.Root, path)));
    }

    /// <summary>Reads what the files say of themselves.</summary>
    /// <param name="source">The folder.</param>
    /// <exception cref="PlanException">No series can be used.</exception>
    public static DicomConversion Of(string source)
    {
        var (tree, leftOut) = (SourceTree.Of(source), new List<LeftOut>());
        var series = DicomSeries.Of(tree, leftOut.Add);
        return series.Count > 0
            ? new DicomConversion(tree, series, leftOut)
            : throw new PlanException($"no series of '{tree.Root}' can be used: "
                + (leftOut.Count == 0 ? "no file holds an image." : $"{leftOut[0].Path} {leftOut[0].Why}."));
    }

    /// <summary>Converts; what was converted before is left alone, and what was stopped goes on.</summary>
    /// <param name="folder">Where to; it is there not yet, or holds the same conversion.</param>
    /// <param name="progress">Is told how many series are done, 0 when the first begins; from any thread.</param>
    /// <param name="stop">Stops it.</param>
    /// <exception cref="PlanException">
    /// dcm2niix is not there, the folder lies within the source or holds something else, or no series can be converted.
    /// </exception>
    public void Convert(string folder, Action<int>? progress = null, CancellationToken stop = default)
    {
        ImportFolder.RefuseWithin(folder, _source);
        var (finished, unfinished) = (Path.Combine(folder, DicomRecord.FileName), Path.Combine(folder, UnfinishedName));
        var wanted = new DicomRecord(_source, [.. _series.AsParallel().AsOrdered().WithCancellation(stop).Select(Unconverted)], _leftOut)
        {
            Told = _told,
        };
        if (File.Exists(finished))
        {
            var then = DicomRecord.Read(folder);
            if (Text(then.Series.Select(one => one with { Images = [], Why = null })) != Text(wanted.Series) || then.Source != _source)
                throw new PlanException(
                    $"'{folder}' holds NIfTI of other DICOM than '{_source}' holds today; remove it, or name another --to.");
            return;
        }

        if (Path.Exists(folder) && (!Directory.Exists(folder)
            || (Directory.EnumerateFileSystemEntries(folder).Any()
                && (!File.Exists(unfinished) || RegularFile.ReadText(unfinished) != SealedJson.Text(wanted)))))
            throw new PlanException($"'{folder}' is where the NIfTI of '{_source}' would be written, and holds other things; remove it, or "
                + "name another --to.");
        var (program, done) = (Dcm2niix.Find(_source), 0);
        Unwritten.Named(folder, () =>
        {
            Directory.CreateDirectory(folder);
            AtomicFile.WriteText(unfinished, SealedJson.Text(wanted));
        });
        var limits = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = stop };
        var (converted, names) = (new ConvertedSeries[_series.Count], Names());
        progress?.Invoke(0);
        try
        {
            Parallel.For(0, _series.Count, limits, i =>
            {
                converted[i] = Converted(program, folder, names[i], _series[i], wanted.Series[i], stop);
                progress?.Invoke(Interlocked.Increment(ref done));
            });
        }
        catch (AggregateException e) when (e.InnerException is { } inner)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(inner);
        }

        if (converted.All(one => one.Images.Count == 0))
        {
            Directory.Delete(folder, recursive: true);
            throw new PlanException($"no series of '{_source}' can be used: {converted[0].Description} {converted[0].Why}.");
        }

        Directory.Delete(Path.Combine(folder, WorkName), recursive: true);
        SealedJson.Write(DiskFiles.Instance, finished, wanted with { Converter = Dcm2niix.Version(program), Series = converted });
        File.Delete(unfinished);
    }

    /// <summary>Says of series whose images begin with another number than 1 that slices may be missing.</summary>
    private static IEnumerable<string> Beginnings(IReadOnlyList<DicomSeries> series)
    {
        DicomSeries[] late = [.. series.Where(one => one.FirstNumber is not null)];
        if (late is [var first, ..])
            yield return $"the images of {(late.Length == 1 ? "a series begin" : $"{late.Length} series begin")} beyond number 1, as if "
                + $"slices before were missing; look at {first.Patient} {first.Visit} {first.Description} {first.Number}, which begins "
                + $"with {first.FirstNumber}";
    }

    /// <summary>
    /// Where each series goes, without suffix; of those that have the same number and name a later one has a number of its own.
    /// </summary>
    private string[] Names()
    {
        var taken = new HashSet<string>();
        return
        [
            .. _series.Select(series => Enumerable.Range(1, _series.Count)
                .Select(i => $"{series.Patient}/{series.Visit}/{series.Number:d3}{(i == 1 ? "" : $".{i}")}_{Plain(series.Description)}")
                .First(taken.Add))
        ];
    }

    private ConvertedSeries Unconverted(DicomSeries series) =>
        new(series.Patient, series.Visit, series.Description, series.Number, series.Files.Count, series.Hash());

    private static ConvertedSeries Converted(
        string program,
        string folder,
        string name,
        DicomSeries series,
        ConvertedSeries record,
        CancellationToken stop)
    {
        var work = Path.Combine(folder, WorkName, name);
        if (Directory.Exists(work))
            Directory.Delete(work, recursive: true);
        try
        {
            var images = new List<string>();
            Directory.CreateDirectory(work);
            foreach (var volume in Dcm2niix.Convert(program, series.Files, work, stop))
            {
                var below = $"{name}{Suffix(volume)}.nii.gz";
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, below))!);
                File.Move(volume, Path.Combine(folder, below), overwrite: true);
                images.Add(below);
            }

            return record with { Images = images };
        }
        catch (InvalidDataException e)
        {
            return record with { Why = e.Message };
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>What dcm2niix adds to the name of one of several volumes of a series, <c>_e2</c>.</summary>
    private static string Suffix(string volume) => Path.GetFileName(volume)["image".Length..^".nii.gz".Length];

    private static string Plain(string description)
    {
        var plain = string.Concat(description.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_')).Trim('_');
        return plain.Length == 0 ? "series" : plain[..Math.Min(plain.Length, 60)];
    }

    private static string Text<T>(T value) => JsonSerializer.Serialize(value, AtomicFile.Json);
}

/// <summary>What was converted of what.</summary>
/// <param name="Source">The folder of DICOM, whole.</param>
/// <param name="Series">Its series.</param>
/// <param name="LeftOut">Files and series that are not taken.</param>
internal sealed record DicomRecord(string Source, IReadOnlyList<ConvertedSeries> Series, IReadOnlyList<LeftOut> LeftOut)
{
    /// <summary>The file's name, in the folder of NIfTI.</summary>
    public const string FileName = "dicom.json";

    /// <summary>What the user should know, a sentence each.</summary>
    public IReadOnlyList<string> Told { get; init; } = [];

    /// <summary>The version of dcm2niix.</summary>
    public string Converter { get; init; } = "";

    /// <summary>Reads the record of a folder.</summary>
    /// <exception cref="PlanException">It is not what was written.</exception>
    public static DicomRecord Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return SealedJson.Read<DicomRecord>(RegularFile.ReadText(path));
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or IOException or UnauthorizedAccessException)
        {
            throw new PlanException($"{path} is not what `data import` wrote: {JsonFault.Why(e).Split('\n')[0].TrimEnd('.')}; remove the "
                + "folder, and import the DICOM again.");
        }
    }
}

/// <summary>A series that was converted.</summary>
/// <param name="Patient">The patient's folder.</param>
/// <param name="Visit">The day of the study.</param>
/// <param name="Description">What the series is called.</param>
/// <param name="Number">Its number in the study.</param>
/// <param name="Files">How many files it has.</param>
/// <param name="Sha256">Hash over them.</param>
internal sealed record ConvertedSeries(string Patient, string Visit, string Description, int Number, int Files, string Sha256)
{
    /// <summary>The volumes that were made of it, below the folder of NIfTI.</summary>
    public IReadOnlyList<string> Images { get; init; } = [];

    /// <summary>Why none was, as the end of a sentence, or null.</summary>
    public string? Why { get; init; }
}
