using System.Diagnostics;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>Asks MSBuild about a project of this repository, without restoring or building it.</summary>
internal static class MsBuild
{
    public static (int ExitCode, string Out) Run(string project, params string[] arguments)
    {
        // build servers would keep our end of the pipe open
        using var process = Process.Start(
            new ProcessStartInfo("dotnet", ["msbuild", Path.Combine(Repository.Root, project), "-nodeReuse:false", .. arguments])
            {
                RedirectStandardOutput = true,
            })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
