using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>The folder that a cohort is made in, from the first look at it until the cohort is complete.</summary>
/// <param name="plan">What is to be done.</param>
/// <param name="named">The folder as the user named it.</param>
internal sealed class ImportFolder(ImportPlan plan, string named)
{
    private const string WorkName = ".importing", LockName = ".lock";

    private string _before = "";
    private FileStream? _lock;

    /// <summary>The whole path.</summary>
    public string Root { get; } = Path.TrimEndingDirectorySeparator(Path.GetFullPath(named));

    /// <summary>Where scans are made, and what is known of those that are; it goes when the cohort is complete.</summary>
    public string Work => Path.Combine(Root, WorkName);

    private string Unfinished => Path.Combine(Root, CohortSheet.UnfinishedName);

    /// <summary>Refuses to write into the source, which is only read, or around it.</summary>
    public static void RefuseWithin(string folder, string source)
    {
        var (cohort, place) = (RealPath.Of(folder) + Path.DirectorySeparatorChar, RealPath.Of(source) + Path.DirectorySeparatorChar);
        if (cohort.StartsWith(place, StringComparison.Ordinal) || place.StartsWith(cohort, StringComparison.Ordinal))
            throw new PlanException($"--to {folder} and the source {source} lie within each other; name a folder beside it.");
    }

    /// <summary>Refuses a folder that no import of a source can have.</summary>
    public static void RefuseTaken(string folder, string source)
    {
        RefuseWithin(folder, source);
        if (File.Exists(folder))
            throw new PlanException($"--to {folder} is a file; name a folder.");
        if (!IsFree(folder) && !File.Exists(Path.Combine(folder, CohortSheet.FileName))
            && !File.Exists(Path.Combine(folder, CohortSheet.UnfinishedName)))
            throw new PlanException($"--to {folder} is there already and holds other things; name another folder, or remove it.");
    }

    /// <summary>Refuses a folder that the import cannot have, and what would not fit into it or into memory; nothing is touched.</summary>
    /// <exception cref="PlanException">It is in use or a part of the source, or volumes would be too large.</exception>
    public void Check()
    {
        RefuseTaken(named, plan.Listing.Source);
        var sheet = CohortSheet.Read(Root);
        if (!plan.Recipe.Link && sheet is null)
            ImportSize.Of(plan).Require(
                plan,
                GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                DiskFiles.Instance.Free(FolderAccess.NearestExisting(Root)));
        if (sheet is not null)
        {
            if (Text(sheet.Recipe) != Text(plan.Recipe) || sheet.Source != plan.Listing.Source)
                throw new PlanException($"--to {named} holds a cohort that was imported otherwise ({Difference(sheet)}); name another "
                    + "folder, or remove it.");
        }
        else if (File.Exists(Unfinished) && RegularFile.ReadText(Unfinished) != Beginning())
        {
            throw new PlanException($"--to {named} holds the beginning of another import; go on with that, name another folder, or remove "
                + "it.");
        }
    }

    /// <summary>Makes the folder, and says in it what is being done.</summary>
    /// <exception cref="PlanException">Another process is doing it.</exception>
    public void Begin()
    {
        _before = FolderAccess.NearestExisting(Root);
        if (!File.Exists(Unfinished) && Directory.Exists(Work))
            Directory.Delete(Work, recursive: true); // of an import that was killed before it had said which
        Unwritten.Named(Root, () => Directory.CreateDirectory(Root));
        AtomicFile.WriteText(Unfinished, Beginning());
        Unwritten.Named(Root, () => Directory.CreateDirectory(Work));
        var held = Path.Combine(Work, LockName);
        try
        {
            _lock = new FileStream(held, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(held))
        {
            throw new PlanException($"another import into {named} is under way; wait for it, or name another folder.");
        }
    }

    /// <summary>Takes back what <see cref="Begin"/> made, folders included, where no scan was written yet.</summary>
    public void TakeBack()
    {
        if (_lock is null)
            return;
        string[] splits = [.. Cohort.AllSplits.Select(split => Path.Combine(Root, split)).Where(Directory.Exists)];
        if (splits.Any(split => Directory.EnumerateFileSystemEntries(split).Any()))
            return;
        Close();
        foreach (var split in splits)
            Directory.Delete(split);
        for (var at = Root; at.Length > _before.Length && !Directory.EnumerateFileSystemEntries(at).Any(); at = Path.GetDirectoryName(at)!)
            Directory.Delete(at);
    }

    /// <summary>Removes what is there only while scans are written.</summary>
    public void Close()
    {
        Release();
        if (Directory.Exists(Work))
            Directory.Delete(Work, recursive: true);
        File.Delete(Unfinished);
    }

    /// <summary>Lets another process go on with it.</summary>
    public void Release()
    {
        _lock?.Dispose();
        _lock = null;
    }

    /// <summary>Whether nobody's things are in it: what an import that was killed in its first moment left there is nobody's.</summary>
    private static bool IsFree(string folder) => !Directory.Exists(folder) || Directory.EnumerateFileSystemEntries(folder)
        .All(entry => Path.GetFileName(entry) is var name
            && (name == WorkName
                || (name.StartsWith($"{CohortSheet.UnfinishedName}.", StringComparison.Ordinal) && AtomicFile.IsHalf(name))));

    private string Beginning() => SealedJson.Text(new Start(plan.Listing.Source, plan.Recipe));

    /// <summary>What of a cohort's recipe is another than that of this import, for people.</summary>
    private string Difference(CohortSheet sheet)
    {
        if (sheet.Source != plan.Listing.Source)
            return $"of {sheet.Source}";
        var (then, now) = (
            JsonSerializer.SerializeToNode(sheet.Recipe, AtomicFile.Json)!.AsObject(),
            JsonSerializer.SerializeToNode(plan.Recipe, AtomicFile.Json)!.AsObject());
        return string.Join(
            ", ",
            then.Where(one => one.Value?.ToJsonString() != now[one.Key]?.ToJsonString())
                .Select(one => $"{one.Key} {one.Value?.ToJsonString() ?? "not given"}"));
    }

    private static string Text(ImportRecipe recipe) => JsonSerializer.Serialize(recipe, AtomicFile.Json);

    private sealed record Start(string Source, ImportRecipe Recipe);
}
