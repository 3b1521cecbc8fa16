using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Verbs.Plugins;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins;

/// <summary>
/// Loads a plugin and creates its parts in a process of its own, whose time and memory are limited: a plugin's code may wait for ever, take
/// all memory, or end the process that runs it.
/// </summary>
/// <param name="limits">What it may take.</param>
internal sealed class PluginTrial(TrialLimits limits)
{
    /// <summary>Tries a plugin.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="verifies">Whether the conformance checks are run on its parts.</param>
    public TrialOutcome Run(Plugin plugin, bool verifies)
    {
        var file = Path.GetTempFileName();
        try
        {
            using var process = OwnProcess.Start(
                [
                    PluginsListVerb.Group,
                    PluginsTrialVerb.Name,
                    plugin.Path,
                    "--out",
                    file,
                    .. verifies ? ["--verify"] : Array.Empty<string>(),
                ]);
            var (said, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            var stopped = Watch(process);
            said.GetAwaiter().GetResult();
            var lines = RegularFile.ReadText(file).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonSerializer.Deserialize<TrialLine>(line)!).ToArray();
            if (lines is [.., { IsEnd: true }])
                return new TrialOutcome(lines, lines.FirstOrDefault(line => line.Refusal is not null)?.Refusal);
            var at = lines.LastOrDefault()?.Part is { } part ? $" at `{part}`" : "";
            return new TrialOutcome(lines, $"{stopped ?? Ended(process.ExitCode, errors.GetAwaiter().GetResult())}{at}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Waits for the process, and ends it where it takes too much.</summary>
    /// <returns>Why it was ended, or null.</returns>
    private string? Watch(Process process)
    {
        var time = new TrialTime(TimeSpan.FromSeconds(limits.Seconds));
        var watch = Stopwatch.StartNew();
        while (!process.WaitForExit(TimeSpan.FromMilliseconds(50)))
        {
            var taken = Taken(process);
            var reason = time.IsOver(watch.Elapsed, taken.Computed)
                ? string.Create(CultureInfo.InvariantCulture, $"it was not done after {limits.Seconds} seconds and was ended")
                : taken.Mebibytes > limits.Mebibytes
                    ? string.Create(CultureInfo.InvariantCulture, $"it took more than {limits.Mebibytes} MiB of memory and was ended")
                    : null;
            if (reason is null)
                continue;
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return reason;
        }

        return null;
    }

    /// <summary>
    /// What a process has computed, and the MiB that it has resident; nothing where it has ended, which it may do while it is asked.
    /// </summary>
    internal static (TimeSpan Computed, long Mebibytes) Taken(Process process)
    {
        process.Refresh();
        try
        {
            return (process.TotalProcessorTime, process.WorkingSet64 >> 20);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return default;
        }
    }

    /// <summary>How a process ended that was not done.</summary>
    /// <param name="code">Its exit code; a signal's number and 128 where one ended it.</param>
    /// <param name="errors">What it wrote.</param>
    private static string Ended(int code, string errors)
    {
        string[] lines = [.. errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        // what the runtime says of its end, before it lists frames; the reason that it was given stands below
        var said = lines.SkipWhile(line => !Words.Any(word => line.StartsWith(word, StringComparison.Ordinal))).Take(2).ToArray() switch
        {
            ["Process terminated.", var reason] when !reason.StartsWith("at ", StringComparison.Ordinal) => $"Process terminated. {reason}",
            [var first, ..] => first,
            _ => null,
        };
        var how = code > 128 ? $"by signal {code - 128}" : "before it was done";
        return $"it ended the process that loaded it {how}{(said is null ? "" : $" ({said.TrimEnd('.')})")}";
    }

    private static readonly string[] Words =
    [
        "Unhandled exception", "Process terminated", "Stack overflow", "Fatal error", "terminate called", "Out of memory",
    ];
}

/// <summary>
/// The time of a trial: what it computes, and what it waits. On a machine that has other work as well, what computes is not done sooner for
/// being looked at by a clock on the wall.
/// </summary>
/// <param name="limit">What it may compute, and what it may wait for.</param>
internal sealed class TrialTime(TimeSpan limit)
{
    /// <summary>What computes less of the time than this waits: a core that thirty programs share gives each a thirtieth.</summary>
    private const double Waiting = 0.02;

    /// <summary>How many times as long it may take in all.</summary>
    private const int Patience = 10;

    private (TimeSpan Passed, TimeSpan Computed) _active;

    /// <summary>Whether it has computed, or waited, for longer than it may.</summary>
    /// <param name="passed">Time since the trial began.</param>
    /// <param name="computed">Of it, what the process has computed.</param>
    public bool IsOver(TimeSpan passed, TimeSpan computed)
    {
        if (computed - _active.Computed > Waiting * limit)
            _active = (passed, computed);
        return computed > limit || passed - _active.Passed > limit || passed > Patience * limit;
    }
}

/// <summary>What a trial may take.</summary>
/// <param name="Seconds">Seconds that it may compute, or wait.</param>
/// <param name="Mebibytes">Resident memory of its process.</param>
internal sealed record TrialLimits(int Seconds, int Mebibytes);

/// <summary>What came of a trial.</summary>
/// <param name="Lines">What was done.</param>
/// <param name="Fault">Why the plugin cannot be used, or null.</param>
internal sealed record TrialOutcome(IReadOnlyList<TrialLine> Lines, string? Fault);

/// <summary>A line of what the process of a trial writes as it goes.</summary>
/// <param name="Part">The part that is tried.</param>
/// <param name="Check">The check whose outcome this is, or null.</param>
/// <param name="Passed">Whether it passed.</param>
/// <param name="Sentence">What was checked, or found.</param>
/// <param name="Refusal">Why the plugin or the part does not load, or null.</param>
/// <param name="IsEnd">Whether all was done.</param>
internal sealed record TrialLine(
    string? Part = null, string? Check = null, bool Passed = false, string? Sentence = null, string? Refusal = null, bool IsEnd = false);
