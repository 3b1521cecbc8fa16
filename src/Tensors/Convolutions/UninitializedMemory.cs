using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// What native code gets when it allocates memory. Fresh memory is most often zero, and a computation that reads what it never wrote comes
/// out right by luck.
/// </summary>
internal static partial class UninitializedMemory
{
    private const int Perturb = -6; // M_PERTURB

    /// <summary>Fills what is allocated from now on with a pattern that no result survives: as float32 and as bfloat16 about −1.7e38. Holds for all threads.</summary>
    /// <returns>Ends it. Does nothing where the C library is not GNU's.</returns>
    internal static IDisposable Poison() => new Poisoned();

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocation(int parameter, int value);

    private sealed class Poisoned : IDisposable
    {
        internal Poisoned() => Set(0x01); // memory is filled with the complement, 0xFE

        public void Dispose() => Set(0);

        private static void Set(int value)
        {
            try
            {
                _ = SetAllocation(Perturb, value);
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
            {
                // another C library
            }
        }
    }
}
