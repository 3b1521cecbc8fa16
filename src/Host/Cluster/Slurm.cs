using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VoxelZoo.Host.Cluster;

/// <summary>SLURM's programs.</summary>
internal static class Slurm
{
    private const string PmixLibrary = "libpmix.so";

    /// <summary>Whether jobs can be submitted from here.</summary>
    public static bool IsInstalled =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, "sbatch")));

    /// <summary>What it calls its version, or null where it is not here.</summary>
    public static string? Version() => Run("sbatch", "--version") is { ExitCode: 0 } outcome ? outcome.Out.Trim() : null;

    /// <summary>What its <c>srun --mpi</c> takes, by its own word; empty where it says nothing.</summary>
    public static IReadOnlyList<string> MpiPlugins()
    {
        if (Run("srun", "--mpi=list") is not { } outcome)
            return [];
        // one a line after a heading, to standard output or error by version
        return
        [
            .. $"{outcome.Out}\n{outcome.Error}".Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Where(line => !line.Contains(' ')),
        ];
    }

    /// <summary>
    /// Why <c>srun</c> cannot start several processes that find each other by PMIx, as far as this machine tells; null where it can.
    /// </summary>
    public static string? WhyNoPmix()
    {
        if (!MpiPlugins().Any(plugin => plugin.StartsWith("pmix", StringComparison.Ordinal)))
            return "`srun --mpi=list` has no pmix here";
        // slurmd loads it when a job begins, and jobs end without a word where it cannot
        return HasPmixLibrary()
            ? null
            : $"SLURM's PMIx opens {PmixLibrary} by that name, and there is none here (libpmix.so.2 does not do); "
                + "install libpmix-dev, here and where the jobs run";
    }

    /// <summary>Whether the library is where Debian's plugin opens it, or else where the loader looks.</summary>
    private static bool HasPmixLibrary()
    {
        const string Libraries = "/usr/lib";
        var debian = Directory.Exists(Libraries)
            ? Directory.EnumerateDirectories(Libraries, "*-linux-gnu*")
                .Select(folder => Path.Combine(folder, "pmix2/lib")).Where(Directory.Exists).ToArray()
            : [];
        return debian.Length > 0
            ? debian.Any(folder => File.Exists(Path.Combine(folder, PmixLibrary)))
            : NativeLibrary.TryLoad(PmixLibrary, out _);
    }

    /// <summary>The number of the job that this process belongs to, or null.</summary>
    public static string? CurrentJob => Environment.GetEnvironmentVariable("SLURM_JOB_ID");

    /// <summary>Submits a script.</summary>
    /// <param name="script">Its path.</param>
    /// <param name="after">A job that must have ended first, however it does; or null.</param>
    /// <returns>The new job's number.</returns>
    /// <exception cref="UsageException">SLURM does not take it; the message is what it says.</exception>
    public static string Submit(string script, string? after = null)
    {
        string[] arguments = ["--parsable", .. after is null ? Array.Empty<string>() : [$"--dependency=afterany:{after}"], script];
        if (Run("sbatch", arguments) is not { } outcome)
            throw new UsageException("sbatch is not on the PATH");
        if (outcome.ExitCode != 0)
            throw new UsageException($"sbatch does not take the job: {Sentence(outcome.Error)}");
        return outcome.Out.Trim().Split(';')[0]; // NUMBER or NUMBER;CLUSTER
    }

    /// <summary>What SLURM says of a job, as <c>PENDING (JobHeldUser)</c>; null where it knows it no longer, or is not here.</summary>
    public static string? State(string job)
    {
        if (Run("squeue", "--noheader", "--states=all", $"--jobs={job}", "--format=%T|%r") is { ExitCode: 0 } queue
            && queue.Out.Trim() is { Length: > 0 } line)
        {
            var words = line.Split('|');
            return words is ["PENDING", var why] ? $"PENDING ({why})" : words[0];
        }

        // the queue forgets a job minutes after its end; the accounts, where a cluster keeps any, do not
        return Run("sacct", "--noheader", "--parsable2", "--allocations", $"--jobs={job}", "--format=State") is { ExitCode: 0 } accounts
            && accounts.Out.Trim() is { Length: > 0 } past ? past.Split('\n')[^1] : null;
    }

    /// <summary>Whether a job in this state, as <see cref="State"/> has it, may run now or later.</summary>
    public static bool IsAlive(string? state) =>
        state?.Split(' ')[0] is "PENDING" or "CONFIGURING" or "RUNNING" or "COMPLETING" or "SUSPENDED" or "STOPPED" or "REQUEUED"
            or "REQUEUE_HOLD" or "REQUEUE_FED" or "RESV_DEL_HOLD" or "SIGNALING" or "STAGE_OUT" or "RESIZING" or "SPECIAL_EXIT";

    private static Outcome? Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // what this job was given says nothing of the next one
        foreach (var name in start.Environment.Keys.Where(
            name => name.StartsWith("SLURM_", StringComparison.Ordinal) && name != "SLURM_CONF").ToArray())
            start.Environment.Remove(name);
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new Outcome(process.ExitCode, output, error.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>The last of the lines, which says why: <c>sbatch: error: Batch job submission failed: Invalid account</c>.</summary>
    private static string Sentence(string error)
    {
        var line = error.Trim().Split('\n')[^1];
        foreach (var prefix in new[] { "sbatch: ", "error: ", "fatal: " })
            line = line.StartsWith(prefix, StringComparison.Ordinal) ? line[prefix.Length..] : line;
        return line;
    }

    private sealed record Outcome(int ExitCode, string Out, string Error);
}
