using System.Globalization;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Tells from what the runtime and libraries throw that memory ran out, and says it in one sentence.</summary>
internal static partial class MemoryShortage
{
    [GeneratedRegex(@"tried to allocate (\d+) bytes")]
    private static partial Regex Wanted { get; }

    /// <summary>What ran out, what is there and what to do; null where it is not that.</summary>
    public static string? Sentence(Exception error) =>
        MemoryWords.Find(error) is { } cause ? Sentence(cause.Message, SystemMemory.AddressSpace, SystemMemory.Available) : null;

    internal static string Sentence(string message, (long Limit, long Taken)? space, long? available)
    {
        var what = Wanted.Match(message) is { Success: true } match
            && long.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            ? $"{ByteCount.Shown(bytes)} of memory could not be had"
            : "memory ran out";
        var there = space is { } limited
            ? $"the address space of this process is limited to {ByteCount.Shown(limited.Limit)} (ulimit -v), "
                + $"of which {ByteCount.Shown(limited.Taken)} are taken; lift that limit"
            : $"this machine, or the job's share of it, has {(available is { } left ? ByteCount.Shown(left) : "too little")} left; "
                + "give it more";
        return $"{what}: {there}, or take less by a smaller batch_size, gradient_checkpointing: true or a smaller data.cache_megabytes";
    }
}
