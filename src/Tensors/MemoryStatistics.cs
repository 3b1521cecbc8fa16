using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
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

    /// <summary>Most bytes that were resident at once since the process began, or since <see cref="ResetPeak"/>.</summary>
    public static long PeakResident
    {
        get
        {
            // PeakWorkingSet64 is the process' all-time maximum on Linux and cannot be reset
            if (Kernel("/proc/self/status", "VmHWM:") is { } peak)
                return peak;
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>Bytes that this process may still take: what the system has free or can make free, and what a container leaves it.</summary>
    public static long Available
    {
        get
        {
            return Kernel("/proc/meminfo", "MemAvailable:") is { } available
                ? Math.Min(LeftByControlGroups(), available)
                : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Resident;
        }
    }

    /// <summary>Tensors that TorchSharp holds at present; a loop in which it rises leaks.</summary>
    public static long LiveTensors => Tensor.TotalCount;

    /// <summary>Free and all bytes of a CUDA device, whoever takes them; null for other devices, or where CUDA's runtime does not say.</summary>
    /// <param name="device">The device; it becomes CUDA's current one on this thread.</param>
    public static (long Free, long Total)? Accelerator(Device device)
    {
        try
        {
            return device.type == TorchSharp.DeviceType.CUDA && CudaSetDevice(Math.Max(0, device.index)) == 0 && CudaMemGetInfo(out var free, out var total) == 0
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

    /// <summary>An entry of one of Linux's tables, which are in KiB, in bytes; null on other systems.</summary>
    private static long? Kernel(string table, string entry)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        foreach (var line in File.ReadLines(table))
            if (line.StartsWith(entry, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(entry.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024;
        return null;
    }

    /// <summary>What the control groups of this process leave it, which is how containers and SLURM limit memory; all there is where none limits it.</summary>
    private static long LeftByControlGroups()
    {
        const string Root = "/sys/fs/cgroup";
        var left = long.MaxValue;
        var own = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::/", StringComparison.Ordinal))?[3..];
        for (var group = own; group is { Length: > 0 }; group = Path.GetDirectoryName(group))
        {
            var folder = Root + group;
            if (Read(Path.Combine(folder, "memory.max")) is { } limit && Read(Path.Combine(folder, "memory.current")) is { } current)
                left = Math.Min(left, limit - current);
        }

        return left;

        // "max" where there is no limit
        static long? Read(string file) =>
            File.Exists(file) && long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null;
    }

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
