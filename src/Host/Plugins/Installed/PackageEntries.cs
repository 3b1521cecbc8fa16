namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>
/// The files of a plugin that comes from elsewhere, one by one: none may lie outside of the plugin's folder, or fall together with another
/// one on a system that takes upper and lower case for the same; there may not be too many, nor too much.
/// </summary>
/// <param name="source">The package or folder, for refusals.</param>
internal sealed class PackageEntries(string source)
{
    /// <summary>The most files of a plugin.</summary>
    public const int MostFiles = 4096;

    /// <summary>The most bytes of a plugin, unpacked.</summary>
    public const long MostBytes = 16L << 30;

    private readonly Dictionary<string, string> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _folders = new(StringComparer.OrdinalIgnoreCase);
    private long _bytes;

    /// <summary>Takes one more file.</summary>
    /// <param name="name">Its path within the plugin's folder, as the source has it.</param>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="UsageException">The plugin cannot be installed.</exception>
    public void Add(string name, long bytes)
    {
        RequireRelative(name);
        if (!_names.TryAdd(name, name))
            throw Refusal(_names[name] == name
                ? $"holds {Shown(name)} twice"
                : $"holds {Shown(_names[name])} and {Shown(name)}, which are one file where upper and lower case are the same");
        foreach (var folder in FoldersOf(name))
            _folders.Add(folder);
        if (_folders.Contains(name) || FoldersOf(name).Any(_names.ContainsKey))
            throw Refusal($"holds {Shown(name)} as a file and as a folder");
        if (_names.Count > MostFiles)
            throw Refusal($"holds more than {MostFiles} files");
        _bytes += bytes;
        if (bytes < 0 || _bytes > MostBytes)
            throw Refusal($"holds more than {MostBytes >> 30} GiB");
    }

    /// <summary>Refuses a name that leads out of the folder, or that another system would read in another way.</summary>
    public void RequireRelative(string name)
    {
        if (name.StartsWith('/') || name.StartsWith('\\') || name.Contains(':'))
            throw Refusal($"holds the absolute path {Shown(name)}");
        if (name.Contains('\\') || name.Any(char.IsControl))
            throw Refusal($"holds the path {Shown(name)}, with a character that not every system takes");
        if (name.Split('/').Any(part => part is "" or "." or ".." || part.EndsWith('.') || part.EndsWith(' ')))
            throw Refusal($"holds the path {Shown(name)}, which may lead out of the plugin's folder");
    }

    /// <summary>A sentence on the source.</summary>
    public UsageException Refusal(string what) => new($"{source} {what}; it was not installed");

    private static IEnumerable<string> FoldersOf(string name)
    {
        for (var at = name.IndexOf('/'); at >= 0; at = name.IndexOf('/', at + 1))
            yield return name[..at];
    }

    private static string Shown(string name) =>
        string.Concat(name.Select(letter => char.IsControl(letter) ? $"\\x{(int)letter:x2}" : $"{letter}"));
}
