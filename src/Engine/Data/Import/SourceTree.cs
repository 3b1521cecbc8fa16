using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>What lies below a folder that somebody calls a data set: names alone, nothing is opened.</summary>
internal sealed class SourceTree
{
    private static readonly string[] Suffixes = [".nii.gz", ".nii"];
    private readonly List<NamedImage> _images = [];
    private readonly List<string> _folders = [];
    private readonly List<string> _others = [];
    private readonly List<LeftOut> _leftOut = [];
    private readonly List<string> _hidden = [];
    private readonly HashSet<string> _entered = [];

    private SourceTree(string root) => Root = root;

    /// <summary>The whole path of the folder.</summary>
    public string Root { get; }

    /// <summary>Its images, sorted by path.</summary>
    public IReadOnlyList<NamedImage> Images => _images;

    /// <summary>The paths of all folders below it, sorted.</summary>
    public IReadOnlyList<string> Folders => _folders;

    /// <summary>The paths of all files that are no images, sorted.</summary>
    public IReadOnlyList<string> Others => _others;

    /// <summary>Images that cannot be opened, and folders that cannot be entered.</summary>
    public IReadOnlyList<LeftOut> LeftOut => _leftOut;

    /// <summary>Files and folders that are hidden, sorted; what is below such folders is not among them.</summary>
    public IReadOnlyList<string> Hidden => _hidden;

    /// <summary>
    /// Lists a folder with all below it, links to folders too; what is hidden, such as the store of DataLad, is passed over.
    /// </summary>
    public static SourceTree Of(string root)
    {
        var tree = new SourceTree(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));
        tree.Enter(tree.Root, "");
        return tree;
    }

    private void Enter(string folder, string below)
    {
        if (!_entered.Add(RealPath.Of(folder)))
            return; // a link back to where it came from
        FileSystemInfo[] entries;
        try
        {
            entries =
            [.. new DirectoryInfo(folder).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            _leftOut.Add(new LeftOut(below, e is UnauthorizedAccessException ? FolderEntry.Denied : $"cannot be read: {e.Message}"));
            return;
        }

        foreach (var entry in entries)
        {
            var path = below.Length == 0 ? entry.Name : $"{below}/{entry.Name}";
            if (entry.Name.StartsWith('.'))
            {
                _hidden.Add(path);
            }
            else if (entry.Attributes.HasFlag(FileAttributes.Directory))
            {
                _folders.Add(path);
                Enter(entry.FullName, path);
            }
            else if (Suffixes.FirstOrDefault(suffix => entry.Name.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) is not { } suffix
                || entry.Name.Length == suffix.Length)
            {
                _others.Add(path);
            }
            else if (entry.LinkTarget is not null && FolderEntry.IsDead(entry.FullName))
            {
                _leftOut.Add(
                    new LeftOut(path, "is a link that leads nowhere; where it is DataLad's, `datalad get` brings what it stands for"));
            }
            else
            {
                _images.Add(new NamedImage(path, below, entry.Name[..^suffix.Length]));
            }
        }
    }
}

/// <summary>An image by its name.</summary>
/// <param name="Path">Path below the source, with <c>/</c>.</param>
/// <param name="Folder">The path of its folder; empty for the source itself.</param>
/// <param name="Stem">Its name without suffix.</param>
internal sealed record NamedImage(string Path, string Folder, string Stem)
{
    /// <summary>The name of its folder.</summary>
    public string FolderName => Folder[(Folder.LastIndexOf('/') + 1)..];

    /// <summary>Whether its name ends in <c>.gz</c>.</summary>
    public bool IsCompressed => Path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
}
