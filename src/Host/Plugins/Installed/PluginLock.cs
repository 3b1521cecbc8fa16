using System.IO.Enumeration;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins.Installed;

/// <summary>
/// A folder's <c>plugins.lock.json</c>: the plugins that were installed into it, with the hash of each file, and those that are switched
/// off. What it names is what the folder holds, so that to replace it is to swap one version for another at once.
/// </summary>
internal sealed partial record PluginLock
{
    /// <summary>The file's name.</summary>
    public const string FileName = "plugins.lock.json";

    private const int CurrentFormat = 1;

    /// <summary>The format of the file.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>What was installed, by the plugins' ids.</summary>
    public SortedDictionary<string, LockedPlugin> Plugins { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Ids of plugins of the folder, installed or dropped, that are switched off.</summary>
    public SortedSet<string> Disabled { get; init; } = new(StringComparer.Ordinal);

    /// <summary>A folder's lock; an empty one where it has none.</summary>
    /// <exception cref="InvalidDataException">There is one that cannot be used; the message says why.</exception>
    public static PluginLock Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!Path.Exists(path))
            return new PluginLock();
        try
        {
            var found = JsonSerializer.Deserialize<PluginLock>(RegularFile.ReadText(path), AtomicFile.Json);
            return found?.Fault is { } fault ? throw new JsonException(fault) : found ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException(
                $"{path} cannot be used ({JsonFault.Why(e).TrimEnd('.')}); restore it, or delete it and install anew what it was about", e);
        }
    }

    /// <summary>Replaces a folder's lock.</summary>
    public void Write(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this);

    /// <summary>Whether a plugin may have this id where it names a folder.</summary>
    public static bool IsId(string id) => IdPattern().IsMatch(id);

    private string? Fault => Format != CurrentFormat ? $"its format is {Format}, and this program knows {CurrentFormat}"
        : Plugins.Keys.FirstOrDefault(id => !IsId(id)) is { } odd ? $"`{odd}` is no id of a plugin"
        : null;

    [GeneratedRegex(@"^[a-z0-9_][a-z0-9._-]{0,127}\z")]
    private static partial Regex IdPattern();
}

/// <summary>A plugin as it was installed.</summary>
internal sealed record LockedPlugin
{
    /// <summary>Files of a plugin that are hashed while plugins are listed: from the smallest on, so many bytes in all.</summary>
    private const long HashedWhenListed = 64L << 20;

    /// <summary>Its version.</summary>
    public required string Version { get; init; }

    /// <summary>The package or the folder that it was installed from.</summary>
    public required string Source { get; init; }

    /// <summary>The feed in which later versions are looked for, or null.</summary>
    public string? Feed { get; init; }

    /// <summary>All of its files, for all platforms, by their paths with slashes.</summary>
    public required SortedDictionary<string, LockedFile> Files { get; init; }

    /// <summary>Where it lies in the folder of plugins: its id, and a hash of what it holds, so that two versions never meet.</summary>
    public string PathIn(string folder, string id) => Path.Combine(folder, PluginStore.Hidden, id, Content[..12]);

    private string Content => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', Files.OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => $"{file.Value.Sha256} {file.Key}")))));

    /// <summary>The files of a folder with their hashes.</summary>
    public static SortedDictionary<string, LockedFile> FilesOf(string folder) => new(
        Names(folder).ToDictionary(name => name, name => LockedFile.Of(Path.Combine(folder, name))), StringComparer.Ordinal);

    /// <summary>
    /// Why a plugin's folder does not hold what was installed, or null. Looks at names and sizes, and hashes what is small.
    /// </summary>
    public string? WhyBlockedAtAGlance(string folder) => WhyBlocked(folder, HashedWhenListed);

    /// <summary>The same. Hashes every file.</summary>
    public string? WhyBlocked(string folder) => WhyBlocked(folder, long.MaxValue);

    private string? WhyBlocked(string folder, long hashed) =>
        WhyChanged(folder, hashed) is not { } fault ? null
        : Path.Exists(Source) ? $"hash: {fault} since it was installed; `plugins update {Source}` puts back what was"
        : $"hash: {fault} since it was installed from {Source}; `plugins update` with its package puts back what was";

    private string? WhyChanged(string folder, long hashed)
    {
        try
        {
            return Change(folder, hashed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"it was made unreadable ({e.Message.TrimEnd('.')})";
        }
    }

    private string? Change(string folder, long hashed)
    {
        string[] there = Directory.Exists(folder) ? [.. Names(folder)] : [];
        if (there.Except(Files.Keys).FirstOrDefault() is { } added)
            return $"{added} was added";
        if (Files.Keys.Except(there).FirstOrDefault() is { } missing)
            return $"{missing} is missing";
        foreach (var (name, file) in Files.OrderBy(file => file.Value.Bytes))
        {
            var path = Path.Combine(folder, name);
            if (new FileInfo(path) is { LinkTarget: not null })
                return $"{name} is a link now";
            hashed -= file.Bytes;
            if (new FileInfo(path).Length != file.Bytes || (hashed >= 0 && LockedFile.Of(path) != file))
                return $"{name} was changed";
        }

        return null;
    }

    // links are named and not followed, wherever they lead
    private static IEnumerable<string> Names(string folder) => new FileSystemEnumerable<string>(
        folder,
        (ref FileSystemEntry entry) => Path.GetRelativePath(folder, entry.ToFullPath()).Replace('\\', '/'),
        new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.None })
    {
        ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory || IsLink(ref entry),
        ShouldRecursePredicate = (ref FileSystemEntry entry) => !IsLink(ref entry),
    };

    private static bool IsLink(ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) != 0;
}

/// <summary>A file as it was installed.</summary>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its hash, in lower-case hexadecimal digits.</param>
internal sealed record LockedFile(long Bytes, string Sha256)
{
    /// <summary>A file as it is.</summary>
    public static LockedFile Of(string path)
    {
        using var file = RegularFile.OpenRead(path);
        return new LockedFile(file.Length, Convert.ToHexStringLower(SHA256.HashData(file)));
    }
}
