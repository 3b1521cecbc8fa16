using System.Globalization;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// What the control groups of this process leave it, which is how containers and SLURM limit memory; of either version of them.
/// </summary>
internal static class ControlGroups
{
    /// <summary>Bytes that may still be taken; all there are where none limits it.</summary>
    public static long Left() => Left("/proc/self/cgroup", "/sys/fs/cgroup");

    /// <summary>The same of other files.</summary>
    /// <param name="membership">The groups of a process, a line each.</param>
    /// <param name="root">Where the groups are mounted.</param>
    internal static long Left(string membership, string root)
    {
        var left = long.MaxValue;
        foreach (var line in File.ReadLines(membership))
        {
            // number:controllers:/group, where version 2 has number 0 and no controllers
            if (line.Split(':', 3) is not [_, var controllers, var own])
                continue;
            if (controllers.Length == 0)
                left = Math.Min(left, LeftIn(root, own, "memory.max", "memory.current", "inactive_file "));
            else if (controllers.Split(',').Contains("memory"))
                left = Math.Min(
                    left,
                    LeftIn(Path.Combine(root, "memory"), own, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "));
        }

        return left;
    }

    /// <summary>
    /// The least that a group or one above it leaves. What the system holds of files only because nobody else
    /// wants the memory counts as left.
    /// </summary>
    private static long LeftIn(string mount, string own, string most, string taken, string cache)
    {
        var left = long.MaxValue;
        for (var group = own; group is { Length: > 0 }; group = Path.GetDirectoryName(group))
        {
            var folder = mount + group;
            if (Read(Path.Combine(folder, most)) is { } limit && Read(Path.Combine(folder, taken)) is { } current)
                left = Math.Min(left, Math.Max(0, limit - Math.Max(0, current - Cached(folder, cache))));
        }

        return left;
    }

    private static long Cached(string folder, string entry)
    {
        var file = Path.Combine(folder, "memory.stat");
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(entry, StringComparison.Ordinal)) : null;
        return line is null ? 0 : Number(line[entry.Length..]) ?? 0;
    }

    // "max" where there is no limit
    private static long? Read(string file) => File.Exists(file) ? Number(File.ReadAllText(file)) : null;

    private static long? Number(string text) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null;
}
