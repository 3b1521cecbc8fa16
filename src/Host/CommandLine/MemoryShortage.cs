using System.Globalization;
using System.Text.RegularExpressions;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Tells from what the runtime and libraries throw that memory ran out, and says it in one sentence.</summary>
internal static partial class MemoryShortage
{
    private static readonly string[] Words = ["std::bad_alloc", "can't allocate memory", "Cannot allocate memory", "not enough memory", "failed to map segment"];

    [GeneratedRegex(@"tried to allocate (\d+) bytes")]
    private static partial Regex Wanted { get; }

    /// <summary>What ran out, what is there and what to do; null where it is not that.</summary>
    public static string? Sentence(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is OutOfMemoryException || Words.Any(word => cause.Message.Contains(word, StringComparison.Ordinal)))
                return Sentence(cause.Message, SystemMemory.AddressSpace, SystemMemory.Available);
        }

        return null;
    }

    internal static string Sentence(string message, (long Limit, long Taken)? space, long? available)
    {
        var what = Wanted.Match(message) is { Success: true } match && long.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            ? $"{ByteCount.Shown(bytes)} of memory could not be had"
            : "memory ran out";
        var there = space is { } limited
            ? $"the address space of this process is limited to {ByteCount.Shown(limited.Limit)} (ulimit -v), of which {ByteCount.Shown(limited.Taken)} are taken; lift that limit"
            : $"this machine, or the job's share of it, has {(available is { } left ? ByteCount.Shown(left) : "too little")} left; give it more";
        return $"{what}: {there}, or take less by a smaller batch_size, gradient_checkpointing: true or a smaller data.cache_megabytes";
    }
}
