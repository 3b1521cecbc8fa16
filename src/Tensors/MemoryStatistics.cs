using System.Diagnostics;
using System.Runtime.InteropServices;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>Memory of this process, native tensors included; of an accelerator, <see cref="Accelerator"/>.</summary>
public static partial class MemoryStatistics
{
    private const string CudaRuntime = "libcudart.so.12";

    /// <summary>Bytes resident at present.</summary>
    public static long Resident
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64;
        }
    }

    /// <summary>Most bytes that were resident at once since the process began.</summary>
    public static long PeakResident
    {
        get
        {
            if (SystemMemory.Entry("/proc/self/status", "VmHWM:") is { } peak)
                return peak;
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>
    /// Bytes that this process may still take: what the system has free or can make free, and what a container
    /// or <c>ulimit -v</c> leaves it.
    /// </summary>
    public static long Available => SystemMemory.Available ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Resident;

    /// <summary>Tensors that TorchSharp holds at present; a loop in which it rises leaks.</summary>
    public static long LiveTensors => Tensor.TotalCount;

    /// <summary>
    /// Free and all bytes of a CUDA device, whoever takes them; null for other devices, or where CUDA's runtime does not say.
    /// </summary>
    /// <param name="device">The device; it becomes CUDA's current one on this thread.</param>
    public static (long Free, long Total)? Accelerator(Device device)
    {
        try
        {
            return device.type == TorchSharp.DeviceType.CUDA
                && CudaSetDevice(Math.Max(0, device.index)) == 0
                && CudaMemGetInfo(out var free, out var total) == 0
                ? ((long)free, (long)total)
                : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport(CudaRuntime, EntryPoint = "cudaSetDevice")]
    private static partial int CudaSetDevice(int device);

    [LibraryImport(CudaRuntime, EntryPoint = "cudaMemGetInfo")]
    private static partial int CudaMemGetInfo(out nuint free, out nuint total);
}
