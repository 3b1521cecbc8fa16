using System.Diagnostics;

namespace VoxelZoo.Host.CommandLine;

/// <summary>This program once more, for what may end the process that tries it.</summary>
internal static class OwnProcess
{
    /// <summary>Starts it with its streams redirected.</summary>
    /// <param name="arguments">A verb and what it takes.</param>
    public static Process Start(params IEnumerable<string> arguments)
    {
        // `dotnet voxelzoo.dll` is a process of dotnet
        string[] all = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [typeof(OwnProcess).Assembly.Location, .. arguments]
            : [.. arguments];
        return Process.Start(
            new ProcessStartInfo(Environment.ProcessPath!, all) { RedirectStandardError = true, RedirectStandardOutput = true })!;
    }
}
