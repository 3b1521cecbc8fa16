using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Native;

/// <summary>How many files a process may have open at once, libraries included: <c>ulimit -n</c>.</summary>
public static partial class DescriptorLimit
{
    /// <summary>What libraries, plugins, threads and data loaders have been seen to take is 233.</summary>
    public const ulong Needed = 256;

    private const int OpenFiles = 7; // RLIMIT_NOFILE on Linux

    /// <summary>Raises the limit to the hard one where it is less than <see cref="Needed"/>.</summary>
    /// <returns>What is wrong, one sentence, where the hard one is less too; else null.</returns>
    public static string? Raise()
    {
        var limit = default(Limit);
        if (!OperatingSystem.IsLinux() || Get(OpenFiles, ref limit) != 0 || limit.Current >= Needed)
            return null;
        var raised = limit with { Current = limit.Most };
        if (limit.Most > limit.Current && Set(OpenFiles, ref raised) == 0)
            limit = raised;
        return Shortage(limit.Current);
    }

    internal static string? Shortage(ulong limit) => limit >= Needed
        ? null
        : $"a process may have {limit} files open at once here, and this one needs {Needed}; raise the limit with `ulimit -n 1024`, or ask who set it";

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(ulong Current, ulong Most);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Get(int resource, ref Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Set(int resource, ref Limit limit);
}
