using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests;

/// <summary>What a forward pass leaves allocated for the backward pass.</summary>
internal static class KeptMemory
{
    private const int Passes = 9;

    /// <summary>
    /// Elements that are allocated beside the result: of several passes the middle, for the runtime's compiler allocates now and then, on a
    /// thread of its own.
    /// </summary>
    /// <param name="compute">The pass.</param>
    public static long Elements(Func<Tensor> compute)
    {
        compute().Dispose(); // what is compiled and allocated once
        GC.Collect();
        GC.WaitForPendingFinalizers(); // what other tests left to the collector
        return Enumerable.Range(0, Passes).Select(_ => Kept(compute)).Order().ElementAt(Passes / 2);
    }

    private static long Kept(Func<Tensor> compute)
    {
        var before = NativeHeap.Allocated;
        using var output = compute();
        return (NativeHeap.Allocated - before) / sizeof(float) - output.numel();
    }
}
