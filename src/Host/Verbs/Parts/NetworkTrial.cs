using System.Globalization;
using VoxelZoo.Host.Verbs;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary>
/// Tries a TorchScript file in another process. libtorch throws what TorchSharp does not catch where a file's code does not compile, such
/// as an operator that this libtorch does not have, and the process that met it ends.
/// </summary>
internal static class NetworkTrial
{
    /// <summary>Why a file cannot be used, or null where it can.</summary>
    /// <param name="path">The file.</param>
    /// <param name="slice">Rows and columns of a slice that its network is shown; none to load it and no more.</param>
    public static string? Try(string path, params int[] slice)
    {
        using var process = CommandLine.OwnProcess.Start(
            [TorchScriptVerb.Name, path, .. slice.Select(size => size.ToString(CultureInfo.InvariantCulture))]);
        var said = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        said.GetAwaiter().GetResult();
        return process.ExitCode == 0 ? null : Sentence(path, (CommandLine.ExitCode)process.ExitCode, errors);
    }

    /// <summary>The trial's own refusal; or else what the runtime of C++ printed when it ended: the line after <c>what():</c>.</summary>
    private static string Sentence(string path, CommandLine.ExitCode code, string errors)
    {
        if (code == CommandLine.ExitCode.Refused)
            return errors.Trim();
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var cause = lines.SkipWhile(line => !line.StartsWith("what():", StringComparison.Ordinal))
            .Select(line => line.Replace("what():", "", StringComparison.Ordinal).Trim())
            .FirstOrDefault(line => line.Length > 0) ?? lines.FirstOrDefault() ?? "it ended without a word";
        return $"{path} holds code that this libtorch cannot compile ({cause.TrimEnd('.')}); "
            + "save the network with the operators of PyTorch 2.10 or before";
    }
}
