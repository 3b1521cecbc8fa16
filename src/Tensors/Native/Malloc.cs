using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Native;

/// <summary>What the allocator of GNU's C library can be told while a process runs.</summary>
internal static partial class Malloc
{
    /// <summary>M_TRIM_THRESHOLD: bytes at the end of the heap from which on they go back to the system.</summary>
    internal const int TrimThreshold = -1;

    /// <summary>M_MMAP_MAX: so many large blocks are had from the system each for itself.</summary>
    internal const int MappedBlocks = -4;

    /// <summary>M_PERTURB: a byte whose complement fills what is allocated, and 0 for nothing.</summary>
    internal const int Perturb = -6;

    /// <summary>Sets a parameter for all threads. Does nothing where the C library is another.</summary>
    internal static void Set(int parameter, int value)
    {
        try
        {
            _ = SetOption(parameter, value);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // another C library
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int parameter, int value);
}
