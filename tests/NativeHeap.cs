using System.Runtime.InteropServices;

/// <summary>What native code, libtorch with its tensors, holds of the C library's memory: exact, whatever of it is resident.</summary>
internal static class NativeHeap
{
    /// <summary>Bytes that are allocated at present.</summary>
    public static long Allocated
    {
        get
        {
            var info = MallInfo2();
            return (long)(info.InUse + info.Mapped);
        }
    }

    /// <summary>Bytes of those that were had from the system for one block alone, and go back to it with that.</summary>
    public static long Mapped => (long)MallInfo2().Mapped;

    /// <summary>Bytes that were freed and are kept.</summary>
    public static long Kept => (long)MallInfo2().Free;

    /// <summary>Whether the C library says it.</summary>
    public static bool IsKnown
    {
        get
        {
            try
            {
                return Allocated >= 0;
            }
            catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
            {
                return false;
            }
        }
    }

    // glibc 2.33 and later
    [DllImport("libc", EntryPoint = "mallinfo2")]
    private static extern MallocInfo MallInfo2();

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallocInfo
    {
        private readonly nuint _arena, _freeChunks, _fastChunks, _mappedChunks;
        public readonly nuint Mapped;
        private readonly nuint _unused, _fastBytes;
        public readonly nuint InUse, Free;
        private readonly nuint _releasable;
    }
}
