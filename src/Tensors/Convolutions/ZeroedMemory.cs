using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// Where a loaded ELF library keeps the variables that begin as zeros (its <c>.bss</c>): the objects that its code makes at their
/// first use lie there. The addresses stay valid as long as the library is loaded.
/// </summary>
internal static unsafe partial class ZeroedMemory
{
    private const uint Loaded = 1, Writable = 2; // PT_LOAD, PF_W

    /// <summary>The ranges of the library whose file has this name; none where it is not loaded.</summary>
    internal static IReadOnlyList<(nint Start, nint Length)> Of(string fileName)
    {
        var search = new Search(fileName, []);
        var handle = GCHandle.Alloc(search);
        try
        {
            IterateLibraries(&Visit, GCHandle.ToIntPtr(handle));
        }
        finally
        {
            handle.Free();
        }

        return search.Found;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Visit(Library* library, nuint size, nint context)
    {
        var search = (Search)GCHandle.FromIntPtr(context).Target!;
        if (Path.GetFileName(Marshal.PtrToStringUTF8(library->Name)) != search.FileName)
            return 0;
        for (var s = library->Segments; s < library->Segments + library->SegmentCount; s++)
            if (s->Type == Loaded && (s->Flags & Writable) != 0 && s->MemorySize > s->FileSize)
                search.Found.Add((library->Base + (nint)(s->Address + s->FileSize), (nint)(s->MemorySize - s->FileSize)));
        return 1;
    }

    [LibraryImport("libc", EntryPoint = "dl_iterate_phdr")]
    private static partial int IterateLibraries(delegate* unmanaged[Cdecl]<Library*, nuint, nint, int> visit, nint context);

    private sealed record Search(string FileName, List<(nint Start, nint Length)> Found);

#pragma warning disable CS0649 // the loader fills them
    // dl_phdr_info, as far as it is read here
    private struct Library
    {
        public nint Base;
        public nint Name;
        public Segment* Segments;
        public ushort SegmentCount;
    }

    // Elf64_Phdr
    private struct Segment
    {
        public uint Type, Flags;
        public ulong Offset, Address, PhysicalAddress, FileSize, MemorySize, Alignment;
    }
#pragma warning restore CS0649
}
