using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// The sizes of the CPU's caches as oneDNN sees them, and their cure. Some virtual machines answer AMD's CPUID leaf 0x8000001D with zeros.
/// oneDNN 3.7 then takes each cache for one byte, blocks its reorders for that in a way that cannot handle the rest of a
/// block, and convolutions whose channels fill no whole vector read what lay in memory.
/// </summary>
internal static unsafe class CpuCaches
{
    private const string Library = "libtorch_cpu.so";
    private const int MaxLevels = 10;

    /// <summary>No cache is smaller.</summary>
    private const uint SmallestCache = 4096;

    /// <summary>What oneDNN itself takes where it knows nothing: bytes of each level for each core.</summary>
    private static readonly uint[] Usual = [32 * 1024, 512 * 1024, 1024 * 1024];

    /// <summary>The caches as oneDNN sees them, or null where that cannot be known.</summary>
    internal static IReadOnlyList<CacheFacts>? Facts()
    {
        if (Find() is not { } place)
            return null;
        var seen = new ReadOnlySpan<uint>((void*)place, 2 * MaxLevels + 1).ToArray();
        return [.. Enumerable.Range(0, (int)seen[2 * MaxLevels]).Select(i => new CacheFacts(i + 1, seen[i], (int)seen[MaxLevels + i]))];
    }

    /// <summary>Whether caches are so small that oneDNN cannot have been told of them.</summary>
    internal static bool AreHidden(IEnumerable<CacheFacts> caches) => caches.Any(cache => cache.Bytes < SmallestCache);

    /// <summary>
    /// Tells oneDNN of caches that there may be. What it has computed before keeps the kernels that were made for the others, so this comes
    /// before the first convolution whose channels do not fill whole vectors.
    /// </summary>
    internal static void Cure()
    {
        if (Find() is not { } place)
            return;
        var levels = ((uint*)place)[2 * MaxLevels];
        Write(place, [.. Enumerable.Range(1, (int)levels).Select(SizePerCore)], sharing: 1);
    }

    /// <summary>Overwrites what oneDNN knows, as tests do to provoke the fault.</summary>
    internal static void Write(IReadOnlyList<uint> sizes, uint sharing, uint? levels = null)
    {
        var place = Find() ?? throw new InvalidOperationException("oneDNN has not looked at the CPU yet");
        Write(place, sizes, sharing);
        if (levels is not null)
            ((uint*)place)[2 * MaxLevels] = levels.Value;
    }

    private static void Write(nint place, IReadOnlyList<uint> sizes, uint sharing)
    {
        for (var i = 0; i < sizes.Count; i++)
            (((uint*)place)[i], ((uint*)place)[MaxLevels + i]) = (sizes[i], sharing);
    }

    /// <summary>
    /// Where oneDNN keeps what it found out about the CPU (Xbyak's <c>util::Cpu</c>), from its cache sizes on: <c>uint32 dataCacheSize[10],
    /// coresSharingDataCache[10], dataCacheLevels</c>. oneDNN makes that object when it first computes.
    /// </summary>
    /// <returns>Null where not exactly one place looks like it.</returns>
    private static nint? Find()
    {
        nint? found = null;
        foreach (var (start, length) in ZeroedMemory.Of(Library))
        {
            var words = new ReadOnlySpan<uint>((void*)start, (int)(length / sizeof(uint)));
            for (var i = 0; i + 2 * MaxLevels < words.Length; i++)
            {
                if (words[i] == 0 || !LooksLikeCaches(words.Slice(i, 2 * MaxLevels + 1)))
                    continue;
                if (found is not null)
                    return null;
                found = start + i * sizeof(uint);
            }
        }

        return found;
    }

    private static bool LooksLikeCaches(ReadOnlySpan<uint> words)
    {
        var levels = (int)words[2 * MaxLevels];
        if (levels is < 1 or > 4)
            return false;
        ReadOnlySpan<uint> sizes = words[..MaxLevels], sharing = words[MaxLevels..(2 * MaxLevels)];
        return !sizes[..levels].Contains(0u) && !sizes[levels..].ContainsAnyExcept(0u)
            && !sharing[..levels].ContainsAnyExceptInRange(1u, 4096u) && !sharing[levels..].ContainsAnyExcept(0u);
    }

    /// <summary>What the kernel says, or another leaf of CPUID, or what is usual.</summary>
    private static uint SizePerCore(int level)
    {
        var usual = Usual[Math.Min(level, Usual.Length) - 1];
        return new[] { FromKernel(level), FromOlderLeaf(level) }.FirstOrDefault(size => size >= SmallestCache) ?? usual;
    }

    private static uint? FromKernel(int level)
    {
        const string Caches = "/sys/devices/system/cpu/cpu0/cache";
        try
        {
            foreach (var cache in Directory.EnumerateDirectories(Caches, "index*"))
                if (Text(cache, "level") == level.ToString(CultureInfo.InvariantCulture) && Text(cache, "type") != "Instruction")
                    return uint.Parse(Text(cache, "size").TrimEnd('K'), CultureInfo.InvariantCulture) * 1024
                        / Count(Text(cache, "shared_cpu_list"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            // a machine that does not say, or a container that hides it
        }

        return null;

        static string Text(string cache, string fact) => File.ReadAllText(Path.Combine(cache, fact)).Trim();

        // "0-3,8": five
        static uint Count(string list) =>
            (uint)list.Split(',')
                .Select(r => r.Split('-'))
                .Sum(r => int.Parse(r[^1], CultureInfo.InvariantCulture) - int.Parse(r[0], CultureInfo.InvariantCulture) + 1);
    }

    // the third level there is the sum of all that a socket has, which says nothing of a core's share
    private static uint? FromOlderLeaf(int level)
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < 0x80000006)
            return null;
        return level switch
        {
            1 => ((uint)X86Base.CpuId(unchecked((int)0x80000005), 0).Ecx >> 24) * 1024,
            2 => ((uint)X86Base.CpuId(unchecked((int)0x80000006), 0).Ecx >> 16) * 1024,
            _ => null,
        };
    }
}

/// <summary>A cache as oneDNN sees it.</summary>
/// <param name="Level">1 is the nearest.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sharing">How many cores share it.</param>
public sealed record CacheFacts(int Level, long Bytes, int Sharing);
