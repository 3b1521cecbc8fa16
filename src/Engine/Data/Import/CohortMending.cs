using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// Of a cohort that is complete, makes again what it lost and what is another file than was written, if the source is still what it was
/// made of.
/// </summary>
/// <param name="plan">What the cohort was made by.</param>
/// <param name="folder">Its folder.</param>
internal sealed class CohortMending(ImportPlan plan, ImportFolder folder)
{
    /// <summary>Mends a cohort.</summary>
    /// <exception cref="PlanException">Its source has changed, or it cannot become what it was.</exception>
    public ImportOutcome Run(CohortSheet sheet, CancellationToken stop)
    {
        if (sheet.Listing != plan.Listing.Hash())
            throw new PlanException($"the source {plan.Listing.Source} has other files than when '{folder.Root}' was made of it; import it "
                + "into another folder, or remove that one.");
        string[] changed =
        [
            .. InParallel(sheet.Scans, stop).SelectMany(scan => scan.Files.Values)
                .Where(file => FileFacts.Hash(Path.Combine(sheet.Source, file.Path)) != file.Sha256).Select(file => file.Path)
        ];
        if (changed.Length > 0)
            throw new PlanException($"{changed.Length} files of {plan.Listing.Source} have changed since '{folder.Root}' was made of them, "
                + $"such as {changed.Order(StringComparer.Ordinal).First()}; import it into another folder, or remove that one.");
        var takenOut = TakenOut.Of(folder.Root);
        ImportedScan[] wanted = [.. sheet.Scans.Where(scan => Directory.Exists(FolderOf(scan)) || !takenOut.Has(scan))];
        foreach (var lost in wanted.Where(scan => !Directory.Exists(FolderOf(scan))))
        {
            if (TakenOut.MovedTo(folder.Root, lost) is { } split)
                throw new PlanException($"{lost.Name} of '{folder.Root}' lies in {split} now, where {lost.Split} was its split, and a "
                    + "patient belongs to one; put it back, or import into another folder with another --split.");
            if (lost.Written.Count == 0)
                throw new PlanException($"'{folder.Root}' has lost {lost.Split}/{lost.Name}; put it back, or remove {CohortSheet.FileName} "
                    + "and the folder, and import again.");
        }

        var damaged = InParallel(wanted, stop)
            .Select(scan => (Scan: scan, Faults: WrittenFiles.Faults(FolderOf(scan), scan.Written, entirely: true)))
            .Where(one => one.Faults.Count > 0).ToArray();
        LeftOut[] mended = [.. damaged.SelectMany(one => Mend(sheet, one.Scan, one.Faults, stop))];
        folder.Close(); // also of an import that was killed when all but this was done
        return new ImportOutcome(sheet, damaged.Length, wanted.Length - damaged.Length) { Mended = mended };
    }

    private static ParallelQuery<ImportedScan> InParallel(IReadOnlyList<ImportedScan> scans, CancellationToken stop) =>
        scans.AsParallel().AsOrdered().WithCancellation(stop).WithDegreeOfParallelism(Math.Min(4, Environment.ProcessorCount));

    /// <summary>Makes files of a scan again; what stood in their place is kept beside them.</summary>
    private IEnumerable<LeftOut> Mend(
        CohortSheet sheet,
        ImportedScan scan,
        IReadOnlyDictionary<string, string> faults,
        CancellationToken stop)
    {
        var import = new ScanImport(plan, folder);
        var (target, temporary) = (ScanFolder.Of(folder.Root, scan.Split, scan.Name), import.Temporary(scan.Name));
        Unwritten.Named(target, () =>
        {
            var survey = ScanSurvey.Of(plan, plan.Listing.Scans.Single(one => one.Name == scan.Name), stop);
            var box = new CohortBox(plan, plan.Recipe.Link ? null : sheet.Shape);
            if (Text(import.Make(survey, scan.Split, box.GridOf(survey), stop)) != Text(scan))
                throw new PlanException($"{scan.Split}/{scan.Name} of '{folder.Root}' is damaged ({faults.First().Key} "
                    + $"{faults.First().Value}) and becomes another one today, as if another version had made the cohort; import into "
                    + "another folder.");
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

    private string FolderOf(ImportedScan scan) => Path.Combine(folder.Root, scan.Split, scan.Name);

    private static string Text(ImportedScan scan) => JsonSerializer.Serialize(scan, AtomicFile.Json);
}
