using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

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
    private readonly ImportFolder _folder = new(plan, folder);
    private readonly ConcurrentBag<LeftOut> _unusable = [];

    /// <summary>Refuses a folder that no import of a source can have; nothing is touched.</summary>
    /// <param name="folder">The cohort's folder.</param>
    /// <param name="source">The source.</param>
    /// <exception cref="PlanException">It is a file, a part of the source, or holds other things than a cohort.</exception>
    public static void CheckFolder(string folder, string source) => ImportFolder.RefuseTaken(folder, source);

    /// <summary>Refuses a folder that the import cannot have, and what would not fit into it or into memory; nothing is touched.</summary>
    /// <exception cref="PlanException">It is in use or a part of the source, or volumes would be too large.</exception>
    public void CheckFolder() => _folder.Check();

    /// <summary>Imports.</summary>
    /// <param name="progress">Is told how far it is, from any thread.</param>
    /// <param name="stop">Stops between scans; the same import goes on.</param>
    /// <exception cref="PlanException">
    /// The folder cannot be had, the source has changed, or nothing in it can be used; of what was not there before, nothing is left.
    /// </exception>
    public ImportOutcome Run(Action<ImportProgress>? progress = null, CancellationToken stop = default)
    {
        CheckFolder();
        if (CohortSheet.Read(_folder.Root) is { } done)
            return new CohortMending(plan, _folder).Run(done, stop);
        try
        {
            return Make(progress, stop);
        }
        catch (Exception e)
        {
            var cause = (e as AggregateException)?.InnerException ?? e;
            if (cause is PlanException)
                _folder.TakeBack();
            ExceptionDispatchInfo.Throw(cause);
            throw;
        }
        finally
        {
            _folder.Release();
        }
    }

    private ImportOutcome Make(Action<ImportProgress>? progress, CancellationToken stop)
    {
        foreach (var split in Cohort.AllSplits)
        {
            foreach (var scan in plan.Listing.Scans)
                ScanFolder.Of(_folder.Root, split, scan.Name);
        }

        var (scans, total, steps) = (plan.Listing.Scans, 2 * plan.Listing.Scans.Count, 0);
        _folder.Begin();

        // a volume of 240×240×155 takes 36 MB, and a scan has up to three at once
        var limits = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = stop };
        var surveys = new ConcurrentBag<ScanSurvey>();
        Each(scans, scan => scan.Name, scan => surveys.Add(ScanSurvey.Of(plan, scan, stop)));
        if (surveys.IsEmpty)
            throw new PlanException(NothingLeft());
        MissingLabels.Require(plan, surveys.SelectMany(survey => survey.Labels.Keys));
        total = scans.Count + surveys.Count;
        var splits = plan.SplitsOf(surveys.ToDictionary(survey => survey.Scan.Name, survey => survey.LesionVolume));
        var (box, import) = (CohortBox.Of(plan, surveys), new ScanImport(plan, _folder));
        int written = 0, kept = 0;
        var imported = new ConcurrentBag<(ImportedScan Scan, FileGrid Grid)>();
        RemoveStrangers(surveys.ToDictionary(survey => survey.Scan.Name, survey => splits[survey.Scan.Patient]));
        Each([.. surveys.OrderBy(survey => survey.Scan.Name, StringComparer.Ordinal)], survey => survey.Scan.Name, survey =>
        {
            var grid = box.GridOf(survey);
            var (scan, isNew) = import.Write(survey, splits[survey.Scan.Patient], grid, stop);
            imported.Add((scan, grid));
            Interlocked.Increment(ref isNew ? ref written : ref kept);
        });
        if (imported.IsEmpty)
            throw new PlanException(NothingLeft());
        var sheet = Sheet(
            [.. imported.OrderBy(one => one.Scan.Split, StringComparer.Ordinal).ThenBy(one => one.Scan.Name, StringComparer.Ordinal)],
            [.. surveys.Select(survey => survey.Scan)]);
        SealedJson.Write(DiskFiles.Instance, Path.Combine(_folder.Root, CohortSheet.FileName), sheet);
        _folder.Close();
        return new ImportOutcome(CohortSheet.Read(_folder.Root)!, written, kept);

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

    private string NothingLeft()
    {
        var first = _unusable.MinBy(one => one.Path, StringComparer.Ordinal)!;
        var spacing = plan.Recipe.Spacing is { } asked ? $", with --spacing {ImportRecipe.Words(asked)}" : "";
        return $"no scan of '{plan.Listing.Source}' can be used{spacing}: {first.Path} {first.Why}.";
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
            Listing = plan.Listing.Hash(),
            Scans = [.. imported.Select(one => one.Scan)],
            Warnings = [.. MissingLabels.Sentences(plan, imported.SelectMany(one => one.Scan.Labels.Keys))],
            LeftOut = [.. plan.Listing.LeftOut, .. _unusable.OrderBy(one => one.Path, StringComparer.Ordinal)],
        };
    }

    /// <summary>Removes what an earlier part of this import wrote and would not write now, as the source has changed.</summary>
    private void RemoveStrangers(IReadOnlyDictionary<string, string> splits)
    {
        foreach (var scan in Cohort.AllSplits.Select(split => Path.Combine(_folder.Root, split)).Where(Directory.Exists)
            .SelectMany(Directory.GetDirectories))
        {
            if (splits.GetValueOrDefault(Path.GetFileName(scan)) != Path.GetFileName(Path.GetDirectoryName(scan)))
                Directory.Delete(scan, recursive: true);
        }
    }
}
