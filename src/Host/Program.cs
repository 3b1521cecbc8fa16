using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host;

/// <summary>
/// Where the process begins. What is called first may use nothing that has yet to be loaded, which the limits of the process can forbid.
/// </summary>
internal static class Program
{
    private static Task<int> Main(string[] args)
    {
        if (ProcessLimits.Shortage() is not { } shortage)
            return Application.RunAsync(args);
        ProcessLimits.Say(shortage);
        return Task.FromResult((int)ExitCode.Refused);
    }
}
