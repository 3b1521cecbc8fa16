using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// What native code gets when it allocates memory. Fresh memory is most often zero, and a computation that reads what it never wrote comes
/// out right by luck.
/// </summary>
internal static class UninitializedMemory
{
    /// <summary>
    /// Fills what is allocated from now on with a pattern that no result survives: as float32 and as bfloat16 about −1.7e38. It holds for
    /// all threads, and not for ever: only while nothing else happens in the process, as the C library looks at it more than once in an
    /// allocation.
    /// </summary>
    /// <returns>Ends it. Does nothing where the C library is not GNU's.</returns>
    internal static IDisposable Poison() => new Poisoned();

    /// <summary>
    /// Leaves numbers that are not numbers where what is allocated next most likely comes to lie; for
    /// processes that do other things beside.
    /// </summary>
    /// <param name="sizes">Elements of what will be allocated.</param>
    internal static void Spoil(IEnumerable<long> sizes)
    {
        using var scope = NewDisposeScope();
        foreach (var size in sizes)
            for (var element = 1; element <= 2; element++) // as bfloat16 and as float32
                full([element * size], Scalars.S(double.NaN), ScalarType.BFloat16);
    }

    private sealed class Poisoned : IDisposable
    {
        internal Poisoned() => Malloc.Set(Malloc.Perturb, 0x01); // memory is filled with the complement, 0xFE

        public void Dispose() => Malloc.Set(Malloc.Perturb, 0);
    }
}
