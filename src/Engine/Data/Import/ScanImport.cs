using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>Writes a scan's folder, whole or not at all, and knows one that was written before.</summary>
/// <param name="plan">What is to be done.</param>
/// <param name="folder">The cohort's folder.</param>
internal sealed class ScanImport(ImportPlan plan, ImportFolder folder)
{
    /// <summary>Where a scan is made before it goes to its place.</summary>
    public string Temporary(string scan) => Path.Combine(folder.Work, scan);

    /// <summary>Writes a scan, or finds that it was written before of the same bytes onto the same grid.</summary>
    /// <exception cref="InvalidDataException">It cannot be used; the message is the end of a sentence that its name begins.</exception>
    public (ImportedScan Scan, bool IsNew) Write(ScanSurvey survey, string split, FileGrid grid, CancellationToken stop)
    {
        var (scan, target) = (survey.Scan, ScanFolder.Of(folder.Root, split, survey.Scan.Name));
        var (record, temporary) = (Temporary(scan.Name) + ".json", Temporary(scan.Name));
        if (Directory.Exists(target) && File.Exists(record) && Known(record) is { } before
            && Text(before) == Text(Record(survey, split, grid, before.Scan.Files, before.Scan.Written))
            && WrittenFiles.Faults(target, before.Scan.Written, entirely: true).Count == 0)
            return (before.Scan, false);
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        return Unwritten.Named(target, () =>
        {
            var made = MakeRecord(survey, split, grid, stop);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            AtomicFile.WriteText(record, Text(made));
            Directory.Move(temporary, target);
            DurableDirectory.Flush(Path.GetDirectoryName(target)!);
            return (made.Scan, true);
        }, temporary);
    }

    /// <summary>Makes a scan in its temporary folder, which holds nothing else then.</summary>
    /// <exception cref="InvalidDataException">It cannot be used; the message is the end of a sentence that its name begins.</exception>
    public ImportedScan Make(ScanSurvey survey, string split, FileGrid grid, CancellationToken stop) =>
        MakeRecord(survey, split, grid, stop).Scan;

    private ScanRecord MakeRecord(ScanSurvey survey, string split, FileGrid grid, CancellationToken stop)
    {
        var temporary = Temporary(survey.Scan.Name);
        if (Directory.Exists(temporary))
            Directory.Delete(temporary, recursive: true);
        Directory.CreateDirectory(temporary);
        var files = new ScanWriter(plan, plan.Listing.Source).Write(survey, grid, temporary, stop);
        return Record(survey, split, grid, files, WrittenFiles.Of(temporary));
    }

    private ScanRecord Record(
        ScanSurvey survey,
        string split,
        FileGrid grid,
        IReadOnlyDictionary<string, SourceFile> files,
        IReadOnlyDictionary<string, FileFacts> written)
    {
        var (scan, header) = (survey.Scan, plan.Header(survey.Scan, plan.Reference(survey.Scan)));
        return new ScanRecord(
            new ImportedScan(
                scan.Name, split, scan.Patient, scan.Visit,
                scan.Kinds.ToDictionary(
                    kind => kind,
                    kind =>
                        files.GetValueOrDefault(kind) is { } file
                            ? file with { Path = scan.Images[kind], Sha256 = survey.Sha256[kind] }
                            : new SourceFile("", "", false)),
                new SourceGrid([.. header.Shape.Take(3)], header.Affine), survey.Labels, survey.LesionVolume) { Written = written },
            grid.Shape, grid.Affine);
    }

    private static ScanRecord? Known(string record)
    {
        try
        {
            return JsonSerializer.Deserialize<ScanRecord>(RegularFile.ReadText(record), AtomicFile.Json);
        }
        catch (JsonException)
        {
            return null; // it is written anew
        }
    }

    private static string Text(ScanRecord record) => JsonSerializer.Serialize(record, AtomicFile.Json);

    private sealed record ScanRecord(ImportedScan Scan, IReadOnlyList<int> Shape, IReadOnlyList<IReadOnlyList<double>> Affine);
}
