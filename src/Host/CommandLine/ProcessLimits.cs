using System.Runtime.InteropServices;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// What the system lets this process have, <c>ulimit -n</c> and <c>ulimit -v</c>. Where it is too little, libraries fail to load one after
/// the other, and the messages name the wrong cause, so it is looked at before anything is loaded.
/// </summary>
internal static partial class ProcessLimits
{
    private const int AddressSpace = 9, OpenFiles = 7; // RLIMIT_AS and RLIMIT_NOFILE on Linux

    /// <summary>What libraries, plugins, threads and data loaders have been seen to have open at once is 233.</summary>
    private const ulong NeededFiles = 256;

    private const ulong Mebibyte = 1 << 20;

    /// <summary>The runtime alone was seen to begin with 1.2 GB and to list with 1.5.</summary>
    private const ulong NeededToList = 1536 * Mebibyte;

    /// <summary>
    /// The runtime sets aside half of the address space for its heap and libtorch maps 1.3 GB; the smallest network was seen to train with
    /// 8 GB, and to fail with 6.
    /// </summary>
    private const ulong NeededToCompute = 7680 * Mebibyte;

    /// <summary>Raises the limit of open files to the hard one.</summary>
    /// <returns>What is too little for any verb, one sentence, or null.</returns>
    public static string? Shortage()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var files = default(Limit);
        if (Get(OpenFiles, ref files) == 0 && files.Current < NeededFiles)
        {
            var raised = files with { Current = files.Most };
            if (files.Most > files.Current && Set(OpenFiles, ref raised) == 0)
                files = raised;
            if (files.Current < NeededFiles)
                return $"a process may have {files.Current} files open at once here, and this one needs {NeededFiles}; "
                    + "raise the limit with `ulimit -n 1024`, or ask who set it";
        }

        return ShortageOfAddresses(NeededToList);
    }

    /// <summary>What is too little for verbs that compute, one sentence, or null.</summary>
    public static string? ShortageToCompute() => OperatingSystem.IsLinux() ? ShortageOfAddresses(NeededToCompute) : null;

    /// <summary>
    /// Writes a sentence to standard error by the system alone: where little is left, the runtime's console does not load.
    /// </summary>
    public static void Say(string sentence)
    {
        var bytes = new byte[sentence.Length + 1];
        for (var i = 0; i < sentence.Length; i++)
            bytes[i] = (byte)sentence[i]; // ASCII
        bytes[^1] = (byte)'\n';
        _ = Write(2, ref bytes[0], (nuint)bytes.Length);
    }

    private static string? ShortageOfAddresses(ulong needed)
    {
        var space = default(Limit);
        return Get(AddressSpace, ref space) == 0 && space.Current < needed
            ? $"the address space of a process is limited to {space.Current / Mebibyte} MiB here, and this one needs "
                + $"{needed / Mebibyte} MiB, most of it only set aside; lift the limit with `ulimit -v unlimited`, or ask who set it"
            : null;
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(ulong Current, ulong Most);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Get(int resource, ref Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Set(int resource, ref Limit limit);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, ref byte bytes, nuint count);
}
