using System.Security.Cryptography;

namespace VoxelZoo.Tensors.Native;

/// <summary>Puts an edited native library where the loader can map it and nobody else can write, and loads it.</summary>
internal static class PatchedShim
{
    private const string FileName = "libLibTorchSharp.so";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Loads <paramref name="bytes"/> from the user's cache, or from a temporary folder where there is none.</summary>
    /// <returns>The path it was loaded from; a temporary one is gone again.</returns>
    internal static string Load(byte[] bytes, Func<string, nint> load)
    {
        if (CachedCopy(bytes, CacheRoot()) is { } cached)
        {
            load(cached);
            return cached;
        }

        // no home, or one that cannot be written: a folder of this process, which the mapping outlives
        var folder = Directory.CreateTempSubdirectory("voxelzoo-"); // mode 700
        try
        {
            var copy = Path.Combine(folder.FullName, FileName);
            File.WriteAllBytes(copy, bytes);
            load(copy);
            return copy;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// The copy below <paramref name="root"/>, written if it is not there or not what it should be. Its folder is named by the content's
    /// hash and closed to other users. Processes that race write files of their own and rename them, so that each sees a whole one.
    /// </summary>
    /// <returns>The path, or null where no private folder can be had.</returns>
    internal static string? CachedCopy(byte[] bytes, string? root)
    {
        if (root is null || OperatingSystem.IsWindows())
            return null;

        try
        {
            var folder = Path.Combine(root, "voxelzoo", "native", Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]);
            Directory.CreateDirectory(folder, OwnerOnly);
            if (File.GetUnixFileMode(folder) != OwnerOnly)
                File.SetUnixFileMode(folder, OwnerOnly); // fails where the folder is another user's

            var copy = Path.Combine(folder, FileName);
            if (File.Exists(copy) && File.ReadAllBytes(copy).AsSpan().SequenceEqual(bytes))
                return copy;

            var temporary = $"{copy}.{Guid.NewGuid():N}.tmp";
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, copy, overwrite: true);
            return copy;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? CacheRoot()
    {
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } chosen && Path.IsPathRooted(chosen))
            return chosen;
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length > 0 ? Path.Combine(home, ".cache") : null;
    }
}
