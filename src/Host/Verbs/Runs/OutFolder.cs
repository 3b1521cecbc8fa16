namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>The folder that <c>--out</c> names.</summary>
internal static class OutFolder
{
    /// <summary>
    /// Refuses a folder that cannot be made or written: before minutes of work, with the option's name, and without leaving the parents of
    /// one that is refused for another reason.
    /// </summary>
    /// <exception cref="UsageException">It cannot be.</exception>
    public static void Require(string folder)
    {
        OutFile.Require(folder);
        try
        {
            var place = Path.GetFullPath(folder);
            while (!Directory.Exists(place) && !File.Exists(place) && Path.GetDirectoryName(place) is { } parent)
                place = parent;
            var trial = Path.Combine(place, $"{Guid.NewGuid():n}.tmp");
            Directory.CreateDirectory(trial);
            Directory.Delete(trial);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"--out {folder}: no folder can be made there; name one that can be written", e);
        }
    }
}
