using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>How far an import is.</summary>
/// <param name="Done">Steps done, two for each scan: it is looked at, and written.</param>
/// <param name="Total">Steps in all.</param>
/// <param name="LookingAt">Whether scans are looked at still.</param>
public sealed record ImportProgress(int Done, int Total, bool LookingAt);

/// <summary>What an import left.</summary>
/// <param name="Sheet">What the cohort's <c>cohort.json</c> says.</param>
/// <param name="Written">Scans that were written now.</param>
/// <param name="Kept">Scans that were there from before.</param>
public sealed record ImportOutcome(CohortSheet Sheet, int Written, int Kept)
{
    /// <summary>
    /// What a cohort that was complete had lost, and was made again: files below its folder, each with what was wrong as the end of a
    /// sentence.
    /// </summary>
    public IReadOnlyList<LeftOut> Mended { get; init; } = [];
}

/// <summary>
/// Makes a cohort of a source. A scan's folder appears whole or not at all; what was stopped or killed goes on with the same command, and
/// gives the same bytes; of a cohort that is complete only what was lost or changed is made again.
/// </summary>
/// <param name="plan">What is to be done.</param>
/// <param name="folder">The cohort's folder.</param>
public sealed class CohortImport(ImportPlan plan, string folder)
{
    private const string WorkName = ".importing";

    // networks halve rows and columns a few times
    private const int Multiple = 16;

    private readonly string _folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    private readonly ConcurrentBag<LeftOut> _unusable = [];

    private string Work => Path.Combine(_folder, WorkName);

    private string Unfinished => Path.Combine(_folder, CohortSheet.UnfinishedName);

    /// <summary>Refuses a folder that the import cannot have, and what would not fit into it or into memory; nothing is touched.</summary>
    /// <exception cref="PlanException">It is in use or a part of the source, or volumes would be too large.</exception>
    public void CheckFolder()
    {
        RefuseWithin(folder, plan.Listing.Source);
        if (File.Exists(_folder))
            throw new PlanException($"--to {folder} is a file; name a folder.");
        if (!plan.Recipe.Link && CohortSheet.Read(_folder) is null)
            ImportSize.Of(plan).Require(
                plan,
                GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                DiskFiles.Instance.Free(FolderAccess.NearestExisting(_folder)));
        if (!Directory.Exists(_folder) || !Directory.EnumerateFileSystemEntries(_folder).Any())
            return;
        if (CohortSheet.Read(_folder) is { } sheet)
        {
            if (!IsSame(sheet.Recipe) || sheet.Source != plan.Listing.Source)
                throw new PlanException($"--to {folder} holds a cohort that was imported otherwise ({Difference(sheet)}); name another "
                    + "folder, or remove it.");
        }
        else if (!File.Exists(Unfinished))
        {
            throw new PlanException($"--to {folder} is there already and holds other things; name another folder, or remove it.");
        }
        else if (RegularFile.ReadText(Unfinished) != Beginning())
        {
            throw new PlanException($"--to {folder} holds the beginning of another import; go on with that, name another folder, or remove "
                + "it.");
        }
    }

    /// <summary>Refuses to write into the source, which is only read, or around it.</summary>
    internal static void RefuseWithin(string folder, string source)
    {
        var (cohort, place) = (RealPath.Of(folder) + Path.DirectorySeparatorChar, RealPath.Of(source) + Path.DirectorySeparatorChar);
        if (cohort.StartsWith(place, StringComparison.Ordinal) || place.StartsWith(cohort, StringComparison.Ordinal))
            throw new PlanException($"--to {folder} and the source {source} lie within each other; name a folder beside it.");
    }

    /// <summary>Imports.</summary>
    /// <param name="progress">Is told how far it is, from any thread.</param>
    /// <param name="stop">Stops between scans; the same import goes on.</param>
    /// <exception cref="PlanException">The folder cannot be had, the source has changed, or nothing in it can be used.</exception>
    public ImportOutcome Run(Action<ImportProgress>? progress = null, CancellationToken stop = default)
    {
        CheckFolder();
        if (CohortSheet.Read(_folder) is { } done)
            return Finished(done, stop);
        try
        {
            return Make(progress, stop);
        }
        catch (AggregateException e) when (e.InnerException is { } inner)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(inner);
            throw;
        }
    }

    private ImportOutcome Make(Action<ImportProgress>? progress, CancellationToken stop)
    {
        foreach (var split in Cohort.AllSplits)
        {
            foreach (var scan in plan.Listing.Scans)
                ScanFolder.Of(_folder, split, scan.Name);
        }

        var (scans, total, steps) = (plan.Listing.Scans, 2 * plan.Listing.Scans.Count, 0);
        Unwritten.Named(_folder, () => Directory.CreateDirectory(Work));
        AtomicFile.WriteText(Unfinished, Beginning());

        // a volume of 240×240×155 takes 36 MB, and a scan has up to three at once
        var limits = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = stop };
        var surveys = new ConcurrentBag<ScanSurvey>();
        Each(scans, scan => scan.Name, scan => surveys.Add(ScanSurvey.Of(plan, scan, stop)));
        if (surveys.IsEmpty)
            throw new PlanException(NothingLeft());
        RequireLabels(surveys);
        total = scans.Count + surveys.Count;
        var splits = plan.SplitsOf(surveys.ToDictionary(survey => survey.Scan.Name, survey => survey.LesionVolume));
        var shape = plan.Recipe.Link ? null : CommonShape([.. surveys]);
        int written = 0, kept = 0;
        var imported = new ConcurrentBag<(ImportedScan Scan, FileGrid Grid)>();
        RemoveStrangers(surveys.ToDictionary(survey => survey.Scan.Name, survey => splits[survey.Scan.Patient]));
        Each([.. surveys.OrderBy(survey => survey.Scan.Name, StringComparer.Ordinal)], survey => survey.Scan.Name, survey =>
        {
            var grid = GridOf(survey, shape);
            var (scan, isNew) = Write(survey, splits[survey.Scan.Patient], grid, stop);
            imported.Add((scan, grid));
            Interlocked.Increment(ref isNew ? ref written : ref kept);
        });
        if (imported.IsEmpty)
            throw new PlanException(NothingLeft());
        var sheet = Sheet(
            [.. imported.OrderBy(one => one.Scan.Split, StringComparer.Ordinal).ThenBy(one => one.Scan.Name, StringComparer.Ordinal)],
            [.. surveys.Select(survey => survey.Scan)]);
        SealedJson.Write(DiskFiles.Instance, Path.Combine(_folder, CohortSheet.FileName), sheet);
        File.Delete(Unfinished);
        Directory.Delete(Work, recursive: true);
        return new ImportOutcome(CohortSheet.Read(_folder)!, written, kept);

        void Each<T>(IReadOnlyList<T> items, Func<T, string> name, Action<T> act) => Parallel.ForEach(items, limits, item =>
        {
            try
            {
                act(item);
            }
            catch (InvalidDataException e)
            {
                _unusable.Add(new LeftOut(name(item), e.Message));
            }

            progress?.Invoke(new ImportProgress(Interlocked.Increment(ref steps), total, typeof(T) == typeof(SourceScan)));
        });
    }

    /// <summary>Refuses rules of labels of which no mask has any, before the first scan is written.</summary>
    private void RequireLabels(IEnumerable<ScanSurvey> surveys)
    {
        string[] there = [.. surveys.SelectMany(survey => survey.Labels.Keys).Distinct().Order(StringComparer.Ordinal)];
        if (plan.Labels.Count == 0 || plan.Labels.SelectMany(rule => rule.Labels)
            .Any(label => there.Contains(label.ToString(System.Globalization.CultureInfo.InvariantCulture))))
            return;
        Directory.Delete(Work, recursive: true);
        File.Delete(Unfinished);
        if (!Directory.EnumerateFileSystemEntries(_folder).Any())
            Directory.Delete(_folder);
        throw new PlanException($"--labels {string.Join(' ', plan.Recipe.Labels)}: no mask has any of these labels; "
            + (there.Length == 0 ? "there are no masks with labels." : $"there are {string.Join(", ", there)}."));
    }

    /// <summary>Labels that are asked for and that no mask has, a sentence for each rule.</summary>
    private IEnumerable<string> MissingLabels(IEnumerable<string> labels)
    {
        var there = labels.Distinct().Order(StringComparer.Ordinal).ToArray();
        foreach (var rule in plan.Labels)
        {
            string[] missing =
            [
                .. rule.Labels.Select(label => label.ToString(System.Globalization.CultureInfo.InvariantCulture)).Except(there)
                    .Order(StringComparer.Ordinal)
            ];
            if (missing.Length > 0)
                yield return $"--labels names {(missing.Length == 1 ? "the label" : "the labels")} {string.Join(", ", missing)} for "
                    + $"{rule.Kind}, which no mask has; they have {string.Join(", ", there)}";
        }
    }

    private string NothingLeft()
    {
        var first = _unusable.MinBy(one => one.Path, StringComparer.Ordinal)!;
        return $"no scan of '{plan.Listing.Source}' can be used: {first.Path} {first.Why}.";
    }

    /// <summary>Writes a scan, or finds that it was written before of the same bytes onto the same grid.</summary>
    private (ImportedScan Scan, bool IsNew) Write(ScanSurvey survey, string split, FileGrid grid, CancellationToken stop)
    {
        var (scan, target) = (survey.Scan, ScanFolder.Of(_folder, split, survey.Scan.Name));
        var (record, temporary) = (Path.Combine(Work, scan.Name + ".json"), Path.Combine(Work, scan.Name));
        if (Directory.Exists(target) && File.Exists(record) && Known(record) is { } before
            && Text(before) == Text(Record(survey, split, grid, before.Scan.Files, before.Scan.Written))
            && WrittenFiles.Faults(target, before.Scan.Written, entirely: true).Count == 0)
            return (before.Scan, false);
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        return Unwritten.Named(target, () =>
        {
            var made = Make(survey, split, grid, temporary, stop);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            AtomicFile.WriteText(record, Text(made));
            Directory.Move(temporary, target);
            DurableDirectory.Flush(Path.GetDirectoryName(target)!);
            return (made.Scan, true);
        }, temporary);
    }

    /// <summary>Writes a scan's files into a folder, which holds nothing else then.</summary>
    private ScanRecord Make(ScanSurvey survey, string split, FileGrid grid, string folder, CancellationToken stop)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var files = new ScanWriter(plan, plan.Listing.Source).Write(survey, grid, folder, stop);
        return Record(survey, split, grid, files, WrittenFiles.Of(folder));
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

    /// <summary>The box that holds every head, square in plane, in which networks can halve rows and columns.</summary>
    private static int[] CommonShape(IReadOnlyList<ScanSurvey> surveys)
    {
        int Extent(int axis) => surveys.Max(survey => survey.Last[axis] - survey.First[axis] + 1);
        var plane = (Math.Max(Extent(0), Extent(1)) + Multiple - 1) / Multiple * Multiple;
        return [plane, plane, Extent(2)];
    }

    private FileGrid GridOf(ScanSurvey survey, int[]? shape)
    {
        var grid = plan.Grid(survey.Scan);
        // around the head's middle; >> rounds down also where the box begins before the first voxel
        return shape is null
            ? grid
            : grid.Cut([.. shape.Select((size, axis) => (survey.First[axis] + survey.Last[axis] + 1 - size) >> 1)], shape);
    }

    private CohortSheet Sheet(IReadOnlyList<(ImportedScan Scan, FileGrid Grid)> imported, IReadOnlyList<SourceScan> scans)
    {
        var kinds = ImageKinds.Ordered(
            scans.SelectMany(scan => scan.Images.Keys).Distinct()
                .SelectMany(kind => ImageKinds.IsMask(kind) ? ScanWriter.MasksOf(plan, kind) : [kind]));
        var first = imported[0].Grid;
        return new CohortSheet
        {
            Recipe = plan.Recipe,
            Source = plan.Listing.Source,
            Kinds = kinds.ToDictionary(
                kind => kind,
                kind => ImageKinds.IsMask(kind) ? new KindFacts(true, "label", null) : plan.Intensity.Facts),
            Shape = imported.All(one => one.Grid.Shape.SequenceEqual(first.Shape)) ? first.Shape : [],
            Spacing = imported.All(
                one => one.Grid.Spacing.Zip(first.Spacing).All(pair => Math.Abs(pair.First - pair.Second) <= 0.01 * pair.Second))
                ? [.. first.Spacing.Select(size => Math.Round(size, 4))]
                : [],
            Listing = ListingHash(),
            Scans = [.. imported.Select(one => one.Scan)],
            Warnings = [.. MissingLabels(imported.SelectMany(one => one.Scan.Labels.Keys))],
            LeftOut = [.. plan.Listing.LeftOut, .. _unusable.OrderBy(one => one.Path, StringComparer.Ordinal)],
        };
    }

    /// <summary>
    /// A cohort that is complete: what it lost, and what is another file than was written, is made again, if the source is still what it
    /// was made of.
    /// </summary>
    private ImportOutcome Finished(CohortSheet sheet, CancellationToken stop)
    {
        if (sheet.Listing != ListingHash())
            throw new PlanException($"the source {plan.Listing.Source} has other files than when '{folder}' was made of it; import it into "
                + "another folder, or remove that one.");
        var scans = sheet.Scans.AsParallel().AsOrdered().WithCancellation(stop)
            .WithDegreeOfParallelism(Math.Min(4, Environment.ProcessorCount));
        string[] changed =
        [
            .. scans.SelectMany(scan => scan.Files.Values)
                .Where(file => FileFacts.Hash(Path.Combine(sheet.Source, file.Path)) != file.Sha256).Select(file => file.Path)
        ];
        if (changed.Length > 0)
            throw new PlanException($"{changed.Length} files of {plan.Listing.Source} have changed since '{folder}' was made of them, such "
                + $"as {changed.Order(StringComparer.Ordinal).First()}; import it into another folder, or remove that one.");
        if (sheet.Scans.FirstOrDefault(scan => scan.Written.Count == 0 && !Directory.Exists(FolderOf(scan))) is { } lost)
            throw new PlanException($"'{folder}' has lost {lost.Split}/{lost.Name}; put it back, or remove {CohortSheet.FileName} and the "
                + "folder, and import again.");
        var damaged = scans.Select(scan => (Scan: scan, Faults: WrittenFiles.Faults(FolderOf(scan), scan.Written, entirely: true)))
            .Where(one => one.Faults.Count > 0).ToArray();
        LeftOut[] mended = [.. damaged.SelectMany(one => Mend(sheet, one.Scan, one.Faults, stop))];
        if (Directory.Exists(Work))
            Directory.Delete(Work, recursive: true); // also of an import that was killed when all but this was done
        File.Delete(Unfinished);
        return new ImportOutcome(sheet, damaged.Length, sheet.Scans.Count - damaged.Length) { Mended = mended };
    }

    /// <summary>Makes files of a scan again; what stood in their place is kept beside them.</summary>
    private IEnumerable<LeftOut> Mend(
        CohortSheet sheet,
        ImportedScan scan,
        IReadOnlyDictionary<string, string> faults,
        CancellationToken stop)
    {
        var (target, temporary) = (ScanFolder.Of(_folder, scan.Split, scan.Name), Path.Combine(Work, scan.Name));
        Unwritten.Named(target, () =>
        {
            var survey = ScanSurvey.Of(plan, plan.Listing.Scans.Single(one => one.Name == scan.Name), stop);
            var made = Make(survey, scan.Split, GridOf(survey, plan.Recipe.Link ? null : [.. sheet.Shape]), temporary, stop);
            if (Text(made.Scan) != Text(scan))
                throw new PlanException($"{scan.Split}/{scan.Name} of '{folder}' is damaged ({faults.First().Key} {faults.First().Value}) "
                    + "and becomes another one today, as if another version had made the cohort; import into another folder.");
            Directory.CreateDirectory(target);
            foreach (var name in faults.Keys)
            {
                var file = Path.Combine(target, name);
                if (Path.Exists(file) || new FileInfo(file).LinkTarget is not null)
                    WrittenFiles.Keep(file);
                File.Move(Path.Combine(temporary, name), file);
            }

            DurableDirectory.Flush(target);
        }, temporary);
        return faults.Select(fault => new LeftOut($"{scan.Split}/{scan.Name}/{fault.Key}", fault.Value));
    }

    private string FolderOf(ImportedScan scan) => Path.Combine(_folder, scan.Split, scan.Name);

    /// <summary>Removes what an earlier part of this import wrote and would not write now, as the source has changed.</summary>
    private void RemoveStrangers(IReadOnlyDictionary<string, string> splits)
    {
        foreach (var scan in Cohort.AllSplits.Select(split => Path.Combine(_folder, split)).Where(Directory.Exists)
            .SelectMany(Directory.GetDirectories))
        {
            if (splits.GetValueOrDefault(Path.GetFileName(scan)) != Path.GetFileName(Path.GetDirectoryName(scan)))
                Directory.Delete(scan, recursive: true);
        }
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

    private string ListingHash() =>
        Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.UTF8.GetBytes(
                    string.Join('\n', plan.Listing.Scans.SelectMany(scan => scan.Images.Values).Order(StringComparer.Ordinal)))));

    private string Beginning() => SealedJson.Text(new Start(plan.Listing.Source, plan.Recipe));

    private bool IsSame(ImportRecipe recipe) => Text(recipe) == Text(plan.Recipe);

    /// <summary>What of a cohort's recipe is another than that of this import, for people.</summary>
    private string Difference(CohortSheet sheet)
    {
        var (then, now) = (
            JsonSerializer.SerializeToNode(sheet.Recipe, AtomicFile.Json)!.AsObject(),
            JsonSerializer.SerializeToNode(plan.Recipe, AtomicFile.Json)!.AsObject());
        if (sheet.Source != plan.Listing.Source)
            return $"of {sheet.Source}";
        return string.Join(
            ", ",
            then.Where(one => one.Value?.ToJsonString() != now[one.Key]?.ToJsonString())
                .Select(one => $"{one.Key} {one.Value?.ToJsonString() ?? "not given"}"));
    }

    private static string Text<T>(T value) => JsonSerializer.Serialize(value, AtomicFile.Json);

    private sealed record Start(string Source, ImportRecipe Recipe);

    private sealed record ScanRecord(ImportedScan Scan, IReadOnlyList<int> Shape, IReadOnlyList<IReadOnlyList<double>> Affine);
}
