using System.Runtime.InteropServices;
using VoxelZoo.Tensors.Convolutions;

/// <summary>
/// Makes any program of ours see what it would see on a machine that hides its caches: loads libtorch as <c>NativeTorch</c> will, lets
/// oneDNN look at the CPU, and sets each cache to the one byte that oneDNN takes it for there. With <c>HIDDEN_CACHES=unknown</c> the object
/// is changed so that the cure cannot find it either.
/// </summary>
internal static unsafe class StartupHook
{
    /// <summary>Levels that no CPU has.</summary>
    private const uint StrangeLevels = 9;

    /// <summary>Called by .NET before the program's Main.</summary>
    public static void Initialize()
    {
        var folder = AppContext.GetData("VoxelZoo.Libtorch") as string
            ?? Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        NativeLibrary.Load(Path.Combine(folder, "libc10.so"));
        var torch = NativeLibrary.Load(Path.Combine(folder, "libtorch_cpu.so"));
        Convolve(torch);
        if (CpuCaches.Facts() is not { Count: > 0 } caches)
            throw new InvalidOperationException("oneDNN's knowledge of the CPU was not found");
        CpuCaches.Write(
            [.. caches.Select(_ => 1u)],
            sharing: 1,
            levels: Environment.GetEnvironmentVariable("HIDDEN_CACHES") == "unknown" ? StrangeLevels : null);
    }

    // TorchSharp is not loaded yet, so by libtorch's C interface: channels that fill whole vectors, which is right in any case
    private static void Convolve(nint torch)
    {
        var create = (delegate* unmanaged[Cdecl]<long, long*, long*, int, int, int, nint*, int>)NativeLibrary.GetExport(
            torch, "aoti_torch_empty_strided");
        var convolve = (delegate* unmanaged[Cdecl]<
            nint, nint, nint*, long*, long, long*, long, long*, long, int, long*, long, long, nint*, int>)NativeLibrary.GetExport(
            torch, "aoti_torch_cpu_convolution");
        const int Float32 = 6, Cpu = 0;
        long* inputShape = stackalloc long[] { 2, 16, 2, 2, 2 }, inputStrides = stackalloc long[] { 128, 8, 4, 2, 1 };
        long* weightShape = stackalloc long[] { 16, 16, 1, 1, 1 }, weightStrides = stackalloc long[] { 16, 1, 1, 1, 1 };
        long* ones = stackalloc long[] { 1, 1, 1 }, zeros = stackalloc long[] { 0, 0, 0 };
        nint input, weight, output;
        Check(create(5, inputShape, inputStrides, Float32, Cpu, 0, &input));
        Check(create(5, weightShape, weightStrides, Float32, Cpu, 0, &weight));
        Check(convolve(input, weight, null, ones, 3, zeros, 3, ones, 3, 0, zeros, 3, 1, &output));
    }

    private static void Check(int error)
    {
        if (error != 0)
            throw new InvalidOperationException("libtorch did not convolve");
    }
}
