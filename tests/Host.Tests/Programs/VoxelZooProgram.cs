using System.Diagnostics;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>Runs the program that the build leaves behind.</summary>
internal static class VoxelZooProgram
{
    public static readonly string Executable = Path.Combine(Repository.Root, "artifacts/bin/Host/release/voxelzoo");

    public sealed record Outcome(int ExitCode, string Out, string Error);

    public static Outcome Run(params string[] arguments) => RunWith([], arguments);

    public static Outcome RunWith(Dictionary<string, string> environment, params string[] arguments)
    {
        using var process = Start(environment, arguments);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output, error.Result);
    }

    /// <summary>Obeys its command line in this process, which spares a start and its compiling.</summary>
    public static Outcome RunHere(params string[] arguments)
    {
        using var said = new ConsoleOfTest();
        var code = Application.ObeyAsync(arguments).GetAwaiter().GetResult();
        return new Outcome(code, said.Out, said.Error);
    }

    /// <summary>Starts the program with its output redirected; the caller reads it and waits.</summary>
    public static Process Start(Dictionary<string, string> environment, params string[] arguments) =>
        StartOther(environment, Executable, arguments);

    /// <summary>
    /// The same with another program, which may start this one. It heeds signals as from a terminal, also where the tests run in the
    /// background of a shell or under <c>nohup</c>, whose children ignore some.
    /// </summary>
    public static Process StartOther(Dictionary<string, string> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "env", ["--default-signal", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
