using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data;

/// <summary>The files of an imported scan's folder, by size and hash.</summary>
internal static class WrittenFiles
{
    /// <summary>The files of a folder; of links what they lead to.</summary>
    public static IReadOnlyDictionary<string, FileFacts> Of(string folder) =>
        Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToDictionary(file => Path.GetFileName(file), FileFacts.Of);

    /// <summary>What of a folder is not as it was written: names of files, each with what is wrong as the end of a sentence.</summary>
    /// <param name="folder">The scan's folder, which may be missing.</param>
    /// <param name="written">What was written.</param>
    /// <param name="entirely">Whether files are read; otherwise sizes decide.</param>
    public static IReadOnlyDictionary<string, string> Faults(
        string folder,
        IReadOnlyDictionary<string, FileFacts> written,
        bool entirely)
    {
        var faults = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, one) in written)
        {
            var file = RealPath.Of(Path.Combine(folder, name));
            if (!File.Exists(file))
                faults[name] = "is missing";
            else if (new FileInfo(file).Length is var bytes && bytes != one.Bytes)
                faults[name] = $"has {bytes} bytes, where {one.Bytes} were written";
            else if (entirely && FileFacts.Hash(file) != one.Sha256)
                faults[name] = "is another file than was written";
        }

        return faults;
    }

    /// <summary>Moves what stands in a file's place to a name that says so, <c>seg.nii.gz.replaced</c>.</summary>
    public static void Keep(string file)
    {
        var kept = file + ".replaced";
        for (var i = 2; Path.Exists(kept); i++)
            kept = $"{file}.replaced{i}";
        if (Directory.Exists(file))
            Directory.Move(file, kept);
        else
            File.Move(file, kept);
    }
}
