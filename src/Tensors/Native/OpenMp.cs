using System.Runtime.InteropServices;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// How libtorch's threads wait for each other. libgomp's own choice is to spin for milliseconds, which is a few per cent faster on
/// an idle machine and many times slower beside other work: each thread then burns the time slice that the other one needs.
/// </summary>
internal static partial class OpenMp
{
    /// <summary>libgomp's variable: how often a waiting thread looks before it sleeps.</summary>
    internal const string SpinCount = "GOMP_SPINCOUNT";

    /// <summary>OpenMP's own variable, by which a user may ask for either.</summary>
    internal const string WaitPolicy = "OMP_WAIT_POLICY";

    // some microseconds: as long as most waits are, and less than a time slice by far
    private const string Briefly = "1000";

    /// <summary>
    /// Lets threads sleep after some microseconds of waiting, unless the user chose; libgomp reads it once, as it is loaded.
    /// </summary>
    internal static void WaitBriefly()
    {
        if (Environment.GetEnvironmentVariable(SpinCount) is null && Environment.GetEnvironmentVariable(WaitPolicy) is null)
            SetEnvironment(SpinCount, Briefly, overwrite: 0);
    }

    // .NET keeps variables to itself: what native libraries are to read has to be said in C
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
