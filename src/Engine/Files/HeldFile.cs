namespace VoxelZoo.Engine.Files;

/// <summary>A file that a process has open for itself alone, which says to others that it lives.</summary>
internal static class HeldFile
{
    /// <summary>
    /// Whether a file could not be opened because another process holds it: the system's EWOULDBLOCK, as .NET hands it on.
    /// </summary>
    public static bool IsByAnother(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);
}
