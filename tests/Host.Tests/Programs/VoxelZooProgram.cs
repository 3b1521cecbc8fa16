using System.Diagnostics;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>Runs the program that the build leaves behind.</summary>
internal static class VoxelZooProgram
{
    public static readonly string Executable = Path.Combine(Repository.Root, "artifacts/bin/Host/release/voxelzoo");

    public sealed record Outcome(int ExitCode, string Out, string Error, TimeSpan Time);

    public static Outcome Run(params string[] arguments) => RunWith([], arguments);

    public static Outcome RunWith(Dictionary<string, string> environment, params string[] arguments)
    {
        var clock = Stopwatch.StartNew();
        using var process = Start(environment, arguments);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output, error.Result, clock.Elapsed);
    }

    /// <summary>Starts the program with its output redirected; the caller reads it and waits.</summary>
    public static Process Start(Dictionary<string, string> environment, params string[] arguments) =>
        StartOther(environment, Executable, arguments);

    /// <summary>The same with another program, which may start this one.</summary>
    public static Process StartOther(Dictionary<string, string> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
