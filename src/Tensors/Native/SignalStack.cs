using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// Room for a thread's signal handlers. By a signal the system tells the runtime of a null reference, which becomes an exception, and of a
/// stack that is full. The handler runs on a stack of its own, of 16 KiB, where the system first saves the CPU's registers: 12 KiB of them,
/// once a thread computed in bfloat16 on a CPU with AMX. Nothing is left for the handler then, and the process ends without a word where an
/// exception would have been caught.
/// </summary>
internal static unsafe partial class SignalStack
{
    /// <summary>What the runtime's handler has beside the registers.</summary>
    private const int ForHandler = 64 << 10;

    /// <summary>AT_MINSIGSTKSZ: key of the bytes that the system saves at most.</summary>
    private const ulong SavedBytes = 51;

    private const int ReadAndWrite = 3, NoAccess = 0, PrivateAnonymous = 0x22;

    [ThreadStatic]
    private static bool _isWide;

    /// <summary>Bytes of this thread's, or null where it has none or the system is another.</summary>
    internal static long? Size => Read(out var stack) && (stack.Flags & Stack.Absent) == 0 ? (long)stack.Size : null;

    /// <summary>Bytes that hold registers and handler.</summary>
    internal static long Needed => (long)SystemValue(SavedBytes) + ForHandler;

    /// <summary>
    /// Gives this thread a larger one where it has one of the runtime's. Does nothing the second time, and where the system is not Linux.
    /// When the thread ends, the runtime frees neither this one nor the one it replaced: 96 KiB of addresses for each thread that had one.
    /// </summary>
    internal static void Widen()
    {
        if (_isWide)
            return;
        _isWide = true;
        if (!OperatingSystem.IsLinux() || !Read(out var old) || old.Flags != 0 || (long)old.Size >= Needed)
            return;
        var page = (nuint)Environment.SystemPageSize;
        var size = ((nuint)Needed + (2 * page) - 1) / page * page; // its first page stops what overflows, as in the runtime's own
        var place = (byte*)Map(0, size, ReadAndWrite, PrivateAnonymous, -1, 0);
        if (place == (byte*)-1)
            return;
        _ = Protect(place, page, NoAccess);
        var wide = new Stack { Place = place, Size = size };
        if (Exchange(&wide, null) != 0)
            _ = Unmap(place, size);
    }

    private static bool Read(out Stack stack)
    {
        stack = default;
        if (!OperatingSystem.IsLinux())
            return false;
        fixed (Stack* place = &stack)
            return Exchange(null, place) == 0;
    }

    // stack_t of signal.h, alike on every Linux but MIPS
    [StructLayout(LayoutKind.Sequential)]
    private struct Stack
    {
        internal const int Absent = 2; // SS_DISABLE

        public byte* Place;
        public int Flags;
        public nuint Size;
    }

    [LibraryImport("libc", EntryPoint = "sigaltstack")]
    private static partial int Exchange(Stack* wanted, Stack* before);

    [LibraryImport("libc", EntryPoint = "getauxval")]
    private static partial ulong SystemValue(ulong key);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint place, nuint size, int access, int kind, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(byte* place, nuint size, int access);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(byte* place, nuint size);
}
