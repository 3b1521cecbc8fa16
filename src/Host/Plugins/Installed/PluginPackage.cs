using System.IO.Compression;
using ICSharpCode.SharpZipLib.Checksum;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>A plugin's folder in one file: what <c>dotnet pack</c> leaves, or any zip of such a folder. Nothing in it is trusted.</summary>
internal sealed class PluginPackage : IDisposable
{
    private const string ManifestName = "plugin.json", PackedFolder = "plugin/";

    // real files shrink to a tenth, and a file of nothing but zeros to a thousandth
    private const long LargestRatio = 200, SmallEnough = 64L << 20;

    // of Unix, in the upper half of an entry's attributes
    private const int TypeMask = 0xF000, Regular = 0x8000, Folder = 0x4000, Link = 0xA000;

    private readonly string _path;
    private readonly ZipArchive _zip;
    private readonly string _prefix;
    private readonly PackageEntries _entries;

    private PluginPackage(string path, FileStream file)
    {
        (_path, _entries) = (path, new PackageEntries(path));
        try
        {
            _zip = new ZipArchive(file, ZipArchiveMode.Read);
            // of a damaged archive, this is where it is found out
            _prefix = Prefixes(_zip.Entries).FirstOrDefault()
                ?? throw _entries.Refusal(
                    $"holds no plugin, which has a {ManifestName}; "
                    + "`dotnet pack` of a project that refers to VoxelZoo.Abstractions makes a package of one");
        }
        catch (InvalidDataException e)
        {
            file.Dispose();
            throw new UsageException(
                $"{path} is not a package that can be read: it is cut off, damaged or no zip archive; it was not installed", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a package.</summary>
    /// <exception cref="UsageException">It holds no plugin.</exception>
    public static PluginPackage Open(string path) => new(path, RegularFile.OpenRead(path));

    /// <summary>Whether a file is called as packages are.</summary>
    public static bool IsOne(string path) => Path.GetExtension(path) is ".nupkg" or ".zip";

    /// <summary>The plugin's manifest.</summary>
    /// <exception cref="InvalidDataException">It cannot be used.</exception>
    public Manifest ReadManifest()
    {
        var entry = _zip.Entries.First(each => NameOf(each) == _prefix + ManifestName);
        if (entry.Length > Manifest.LargestFile)
            throw new InvalidDataException($"{ManifestName} is larger than {Manifest.LargestFile} bytes");
        using var text = new MemoryStream();
        Copy(entry, text);
        text.Position = 0;
        return Manifest.Parse(text);
    }

    /// <summary>Unpacks the plugin's folder.</summary>
    /// <param name="to">The folder, which exists and is empty.</param>
    /// <exception cref="UsageException">The package is refused; what was unpacked is the caller's to delete.</exception>
    public void Unpack(string to)
    {
        // all is looked at before anything is written
        foreach (var entry in _zip.Entries)
        {
            var name = NameOf(entry).TrimEnd('/');
            _entries.RequireRelative(name);
            var type = (entry.ExternalAttributes >> 16) & TypeMask;
            if (type is not (0 or Regular or Folder))
                throw _entries.Refusal($"holds {name}, which is {(type == Link ? "a link" : "no file")}");
            if (IsOfPlugin(entry))
                _entries.Add(name[_prefix.Length..], entry.Length);
        }

        var (packed, unpacked) = (new FileInfo(_path).Length, _zip.Entries.Where(IsOfPlugin).Sum(entry => entry.Length));
        if (unpacked > SmallEnough && unpacked > LargestRatio * packed)
            throw _entries.Refusal($"would grow from {packed >> 10} KiB to {unpacked >> 20} MiB, as nothing but a trap does");
        foreach (var entry in _zip.Entries.Where(IsOfPlugin))
        {
            var path = Path.Combine(to, NameOf(entry)[_prefix.Length..]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var file = new FileStream(path, FileMode.CreateNew);
            Copy(entry, file);
        }
    }

    public void Dispose() => _zip.Dispose();

    private bool IsOfPlugin(ZipArchiveEntry entry) =>
        NameOf(entry) is var name && name.StartsWith(_prefix, StringComparison.Ordinal)
        && name.Length > _prefix.Length && !name.EndsWith('/');

    /// <summary>Not more than an entry claims, by which the sizes were judged, and what its checksum says.</summary>
    private void Copy(ZipArchiveEntry entry, Stream to)
    {
        var (checksum, left) = (new Crc32(), entry.Length);
        try
        {
            using var from = entry.Open();
            var buffer = new byte[1 << 16];
            for (int read; left >= 0 && (read = from.Read(buffer)) > 0; left -= read)
            {
                checksum.Update(new ArraySegment<byte>(buffer, 0, read));
                to.Write(buffer, 0, (int)Math.Min(read, left));
            }
        }
        catch (InvalidDataException e)
        {
            throw new UsageException($"{_path} is damaged at {NameOf(entry)}; it was not installed", e);
        }

        if (left != 0 || checksum.Value != entry.Crc32)
            throw _entries.Refusal($"is damaged: {NameOf(entry)} is not what it was when it was packed");
    }

    // a folder of its own in a package of NuGet's; the root of a zip, or its only folder
    private IEnumerable<string> Prefixes(IEnumerable<ZipArchiveEntry> entries) => entries.Select(NameOf)
        .Where(name => name is ManifestName or PackedFolder + ManifestName
            || (!IsNuGets && name.EndsWith("/" + ManifestName, StringComparison.Ordinal) && name.Count(letter => letter == '/') == 1))
        .Select(name => name[..^ManifestName.Length])
        .OrderBy(prefix => prefix.Length);

    private bool IsNuGets => Path.GetExtension(_path) == ".nupkg";

    // NuGet writes names as in addresses: a blank is %20
    private string NameOf(ZipArchiveEntry entry) => IsNuGets ? Uri.UnescapeDataString(entry.FullName) : entry.FullName;
}
