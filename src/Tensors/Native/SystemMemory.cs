using System.Globalization;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// What Linux says of memory. Compiled into each assembly that tells of it, because the first use of this one loads libtorch, for which
/// there may be none.
/// </summary>
internal static class SystemMemory
{
    /// <summary>
    /// Bytes that this process may still take: what is free or can be made free, and what control groups and <c>ulimit -v</c>
    /// leave it; null on other systems.
    /// </summary>
    public static long? Available
    {
        get
        {
            var left = AddressSpace is { } space ? Math.Max(0, space.Limit - space.Taken) : long.MaxValue;
            return Entry("/proc/meminfo", "MemAvailable:") is { } available
                ? Math.Min(left, Math.Min(ControlGroups.Left(), available))
                : null;
        }
    }

    /// <summary>The bytes of addresses that this process may have (<c>ulimit -v</c>) and has; null where there is no limit.</summary>
    public static (long Limit, long Taken)? AddressSpace
    {
        get
        {
            const string entry = "Max address space";
            if (Entry("/proc/self/status", "VmSize:") is not { } taken)
                return null;
            var line = File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith(entry, StringComparison.Ordinal));
            return line is not null
                && long.TryParse(
                    line[entry.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0],
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var limit)
                ? (limit, taken)
                : null; // "unlimited"
        }
    }

    /// <summary>An entry of one of Linux's tables, which are in KiB, in bytes; null on other systems.</summary>
    public static long? Entry(string table, string entry)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        foreach (var line in File.ReadLines(table))
        {
            if (line.StartsWith(entry, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(entry.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024;
        }

        return null;
    }
}
