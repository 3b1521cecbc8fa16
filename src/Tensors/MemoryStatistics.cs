using System.Diagnostics;
using System.Globalization;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>Memory of this process, native tensors included; of an accelerator, <see cref="Accelerator"/>.</summary>
public static partial class MemoryStatistics
{
    /// <summary>Bytes resident at present.</summary>
    public static long Resident
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64;
        }
    }

    /// <summary>Most bytes that were resident at once since the process began, or since <see cref="ResetPeak"/>.</summary>
    public static long PeakResident
    {
        get
        {
            // PeakWorkingSet64 is the process' all-time maximum on Linux and cannot be reset
            if (OperatingSystem.IsLinux())
                foreach (var line in File.ReadLines("/proc/self/status"))
                    if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                        return long.Parse(line.AsSpan(6).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024;

            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>Bytes that this process may still take: what the system has free or can make free, and what a container leaves it.</summary>
    public static long Available
    {
        get
        {
            var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Resident; // knows the limits of containers and of SLURM's cgroups
            if (OperatingSystem.IsLinux())
                foreach (var line in File.ReadLines("/proc/meminfo"))
                    if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                        return Math.Min(limit, long.Parse(line.AsSpan(13).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024);

            return limit;
        }
    }

    /// <summary>Tensors that TorchSharp holds at present; a loop in which it rises leaks.</summary>
    public static long LiveTensors => Tensor.TotalCount;

    /// <summary>Free and all bytes of the current CUDA device, whoever takes them; null where there is none, or CUDA's runtime does not say.</summary>
    public static (long Free, long Total)? Accelerator
    {
        get
        {
            try
            {
                return CudaMemGetInfo(out var free, out var total) == 0 ? ((long)free, (long)total) : null;
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
            {
                return null;
            }
        }
    }

    [System.Runtime.InteropServices.LibraryImport("libcudart.so.12", EntryPoint = "cudaMemGetInfo")]
    private static partial int CudaMemGetInfo(out nuint free, out nuint total);

    /// <summary>Lets <see cref="PeakResident"/> start again from what is resident now.</summary>
    /// <returns>Whether the system can do that: Linux, where the process may write its own <c>/proc</c> entry.</returns>
    public static bool ResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
