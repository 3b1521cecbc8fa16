using System.Diagnostics;
using System.Globalization;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>Memory of this process, native tensors included. Memory on an accelerator is not counted.</summary>
public static class MemoryStatistics
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

    /// <summary>Tensors that TorchSharp holds at present; a loop in which it rises leaks.</summary>
    public static long LiveTensors => Tensor.TotalCount;

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
