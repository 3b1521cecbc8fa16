using System.Diagnostics;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>Open MPI's <c>mpirun</c> with the program.</summary>
internal static class Mpi
{
    private const string Launcher = "/usr/bin/mpirun";

    private static readonly Dictionary<string, string> Environment = new(Workspace.OneThread)
    {
        ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
        ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
    };

    /// <summary>Why there is none, or null where there is one.</summary>
    public static string? WhyNot => File.Exists(Launcher) ? null : $"there is no {Launcher}: install openmpi-bin";

    /// <summary>Starts processes that do the same thing together, with their output redirected.</summary>
    public static Process Start(int processes, params string[] arguments) =>
        VoxelZooProgram.StartOther(
            Environment, Launcher, ["--oversubscribe", "-n", $"{processes}", VoxelZooProgram.Executable, .. arguments]);

    /// <summary>Waits for their end.</summary>
    public static (int ExitCode, string Out, string Error) Run(int processes, params string[] arguments)
    {
        using var started = Start(processes, arguments);
        return End(started);
    }

    /// <summary>Waits for the end of processes that were started.</summary>
    public static (int ExitCode, string Out, string Error) End(Process started)
    {
        var error = started.StandardError.ReadToEndAsync();
        var output = started.StandardOutput.ReadToEnd();
        started.WaitForExit();
        // mpirun's terminals end their lines with a carriage return
        return (
            started.ExitCode, output.Replace("\r", "", StringComparison.Ordinal), error.Result.Replace("\r", "", StringComparison.Ordinal));
    }
}
