using System.Diagnostics;
using System.Globalization;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Verbs;

namespace VoxelZoo.Host.Experiments;

/// <summary>
/// Tries a TorchScript file in another process. libtorch throws what TorchSharp does not catch where a file's code does not compile, such as an operator
/// that this libtorch does not have, and the process that met it ends.
/// </summary>
internal static class NetworkTrial
{
    /// <summary>Tries the plan's perceptual network, where there is one.</summary>
    /// <exception cref="PlanRefusedException">It cannot be used; the message says why.</exception>
    public static void Run(CompressionPlan plan)
    {
        foreach (var path in plan.Files)
        {
            using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, Arguments(path, plan)) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var said = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            said.GetAwaiter().GetResult();
            if (process.ExitCode != 0)
                throw new PlanRefusedException("training", "perceptual.network", Sentence(path, (CommandLine.ExitCode)process.ExitCode, errors));
        }
    }

    private static string[] Arguments(string path, CompressionPlan plan)
    {
        string[] verb = [TorchScriptVerb.Name, path, Number(plan.Seen.Height), Number(plan.Seen.Width)];
        // `dotnet voxelzoo.dll` is a process of dotnet
        return Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(NetworkTrial).Assembly.Location, .. verb] : verb;
    }

    /// <summary>The trial's own refusal; or else what the runtime of C++ printed when it ended: the line after <c>what():</c>.</summary>
    private static string Sentence(string path, CommandLine.ExitCode code, string errors)
    {
        if (code == CommandLine.ExitCode.Refused)
            return errors.Trim();
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var cause = lines.SkipWhile(line => !line.StartsWith("what():", StringComparison.Ordinal)).Select(line => line.Replace("what():", "", StringComparison.Ordinal).Trim())
            .FirstOrDefault(line => line.Length > 0) ?? lines.FirstOrDefault() ?? "it ended without a word";
        return $"{path} holds code that this libtorch cannot compile ({cause.TrimEnd('.')}); save the network with the operators of PyTorch 2.10 or before";
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
