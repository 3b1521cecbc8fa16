using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace VoxelZoo.Tensors.Native;

/// <summary>The CPU that computes.</summary>
public static class CpuFacts
{
    /// <summary>The variable by which oneDNN is kept from using all that the CPU can, read when it first computes.</summary>
    public const string LimitVariable = "ONEDNN_MAX_CPU_ISA";

    // oneDNN's names, each a superset of those before it
    private static readonly (string Name, Func<bool> Has)[] InstructionSets =
    [
        ("SSE41", () => Sse41.IsSupported),
        ("AVX", () => Avx.IsSupported),
        ("AVX2", () => Avx2.IsSupported),
        ("AVX512_CORE", () => Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported),
        ("AVX512_CORE_VNNI", () => Feature(7, 0).Ecx.Bit(11)),
        ("AVX512_CORE_BF16", () => Feature(7, 1).Eax.Bit(5)),
        ("AVX512_CORE_FP16", () => Feature(7, 0).Edx.Bit(23)),
        ("AVX512_CORE_AMX", () => Feature(7, 0).Edx.Bit(24)),
    ];

    /// <summary>What the CPU calls itself.</summary>
    public static string Name
    {
        get
        {
            if (!X86Base.IsSupported)
                return RuntimeInformation.ProcessArchitecture.ToString();
            var words = Enumerable.Range(unchecked((int)0x80000002), 3)
                .Select(leaf => X86Base.CpuId(leaf, 0)).SelectMany(r => new[] { r.Eax, r.Ebx, r.Ecx, r.Edx }).ToArray();
            var name = Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words.AsSpan())).TrimEnd('\0').Trim();
            return name.Length > 0 ? name : "a CPU without a name";
        }
    }

    /// <summary>The widest instruction set, by oneDNN's names, that the CPU has and <see cref="LimitVariable"/> leaves.</summary>
    public static string InstructionSet
    {
        get
        {
            var has = InstructionSets.TakeWhile(set => set.Has()).Select(set => set.Name).ToArray();
            var limit = Array.IndexOf(has, Environment.GetEnvironmentVariable(LimitVariable)?.ToUpperInvariant());
            return has.Length == 0 ? "none that oneDNN knows" : limit < 0 ? has[^1] : has[limit];
        }
    }

    private static (int Eax, int Ebx, int Ecx, int Edx) Feature(int leaf, int subLeaf) =>
        X86Base.IsSupported ? X86Base.CpuId(leaf, subLeaf) : default;

    private static bool Bit(this int register, int bit) => (register >> bit & 1) != 0;
}
