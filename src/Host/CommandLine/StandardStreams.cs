using System.Runtime.InteropServices;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Whether somebody takes what the program says. Where its caller closed a stream (<c>&gt;&amp;-</c>), the system gives that number to the
/// next file that is opened, which may be one of the runtime's.
/// </summary>
internal static partial class StandardStreams
{
    private const int Output = 1, Error = 2, GetFlags = 3, AccessMode = 3, ReadOnly = 0;

    /// <summary>Whether standard output can be written to.</summary>
    public static bool OutputIsOpen => IsWritable(Output);

    /// <summary>Whether standard error can be written to.</summary>
    public static bool ErrorIsOpen => IsWritable(Error);

    private static bool IsWritable(int descriptor) => !OperatingSystem.IsLinux() || (Flags(descriptor, GetFlags) is >= 0 and var flags && (flags & AccessMode) != ReadOnly);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Flags(int descriptor, int command);
}
