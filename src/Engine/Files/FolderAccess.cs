using System.Runtime.InteropServices;

namespace VoxelZoo.Engine.Files;

/// <summary>
/// Whether a folder can be made or written into, found out without touching anything. .NET can only try it, so this asks libc.
/// </summary>
internal static partial class FolderAccess
{
    private const int WriteAndEnter = 3; // W_OK | X_OK

    /// <summary>Why nothing can be written into a folder that is there or is to be made, or null where it can.</summary>
    public static string? WhyNotWritable(string folder)
    {
        var existing = NearestExisting(folder);
        if (File.Exists(existing))
            return $"{existing} is a file";
        return !OperatingSystem.IsLinux() || Access(existing, WriteAndEnter) == 0
            ? null
            : $"{existing}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";
    }

    /// <summary>The path itself where it is there, and else the nearest of the folders above it that is.</summary>
    public static string NearestExisting(string path)
    {
        var existing = Path.GetFullPath(path);
        while (!Path.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
            existing = parent;
        return existing;
    }

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
