namespace VoxelZoo.Engine.Files;

/// <summary>A folder that appears when all of it is there; it is made beside its place.</summary>
internal static class StagedFolder
{
    private const string Ending = ".tmp";

    /// <summary>Makes a folder, whole or not at all, and removes what killed processes left of it.</summary>
    /// <param name="folder">Its full path, where nothing is, or an empty folder.</param>
    /// <param name="make">Fills the folder that it is given.</param>
    /// <exception cref="UnwrittenException">It cannot be written.</exception>
    public static void Put(string folder, Action<string> make)
    {
        if (Directory.Exists(folder)) // a link to one stays
            folder = Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName ?? folder;
        var stage = $"{folder}.{Guid.NewGuid():n}{Ending}";
        var made = Path.Combine(stage, "made");
        Unwritten.Named(
            folder,
            () =>
            {
                foreach (var left in Left(folder).ToArray())
                    Directory.Delete(left, recursive: true);
                using var held = HeldFolder.Make(stage);
                Directory.CreateDirectory(made);
                make(made);
                if (Directory.Exists(folder))
                    Directory.Delete(folder);
                Directory.Move(made, folder);
            },
            made);
    }

    private static IEnumerable<string> Left(string folder)
    {
        var (parent, beginning) = (Path.GetDirectoryName(folder)!, Path.GetFileName(folder) + ".");
        return !Directory.Exists(parent) ? [] : Directory.EnumerateDirectories(parent).Where(IsOne).Where(HeldFolder.IsLeft);

        bool IsOne(string path) => Path.GetFileName(path) is var name
            && name.StartsWith(beginning, StringComparison.Ordinal) && name.EndsWith(Ending, StringComparison.Ordinal)
            && Guid.TryParseExact(name[beginning.Length..^Ending.Length], "n", out _);
    }
}
