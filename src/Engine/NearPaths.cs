namespace VoxelZoo.Engine;

/// <summary>Finds what a misspelt path was meant to be.</summary>
public static class NearPaths
{
    /// <summary>
    /// "; did you mean `runs/a`?" for what lies in the same folder and has the nearest name, or nothing where none is near.
    /// </summary>
    /// <param name="path">The path, as it was typed.</param>
    /// <param name="isMeant">Whether a path beside it is of the kind that is looked for.</param>
    public static string Suggestion(string path, Func<string, bool> isMeant)
    {
        var typed = Path.TrimEndingDirectorySeparator(path);
        var (folder, name) = (Path.GetDirectoryName(typed), Path.GetFileName(typed));
        if (name.Length == 0 || !Directory.Exists(folder is { Length: > 0 } ? folder : "."))
            return "";
        var all = new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = 0 };
        string[] names =
        [
            .. Directory.EnumerateFileSystemEntries(folder is { Length: > 0 } ? folder : ".", "*", all)
                .Select(entry => Path.GetFileName(entry))
                .Where(other => other != name && isMeant(Path.Combine(folder ?? "", other))).Order(StringComparer.Ordinal),
        ];
        // tiny.yml for tiny.yaml, or without any extension
        var nearest = Spelling.Nearest(name, names)
            ?? names.FirstOrDefault(other => Path.GetFileNameWithoutExtension(other) == Path.GetFileNameWithoutExtension(name));
        return nearest is null ? "" : $"; did you mean `{Path.Combine(folder ?? "", nearest)}`?";
    }
}
