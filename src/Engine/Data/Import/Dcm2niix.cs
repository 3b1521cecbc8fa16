using System.Diagnostics;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>The program that makes NIfTI of DICOM.</summary>
internal static class Dcm2niix
{
    private const string Name = "dcm2niix";

    /// <summary>Where it is.</summary>
    /// <exception cref="PlanException">It is nowhere on the path.</exception>
    public static string Find(string source)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return folders.Select(folder => Path.Combine(folder, Name)).FirstOrDefault(File.Exists)
            ?? throw new PlanException($"'{source}' holds DICOM, and {Name}, which makes NIfTI of it, is not on this machine; install the "
                + $"package {Name}, as by `apt-get install {Name}`.");
    }

    /// <summary>What it calls its version.</summary>
    public static string Version(string program) =>
        Run(program, ["--version"], CancellationToken.None).Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault("").Trim();

    /// <summary>Converts a series.</summary>
    /// <param name="program">The program.</param>
    /// <param name="files">The series' files.</param>
    /// <param name="folder">A folder of its own for what is made, which exists and is empty.</param>
    /// <param name="stop">Ends the program.</param>
    /// <returns>The volumes that it made, whole paths.</returns>
    /// <exception cref="InvalidDataException">It made none, or one whose slices lie at unequal distances; the message is the end of a
    /// sentence.</exception>
    public static IReadOnlyList<string> Convert(string program, IReadOnlyList<string> files, string folder, CancellationToken stop)
    {
        var (taken, made) = (Path.Combine(folder, "in"), Path.Combine(folder, "out"));
        Directory.CreateDirectory(taken);
        Directory.CreateDirectory(made);
        foreach (var (i, file) in files.Index())
            File.CreateSymbolicLink(Path.Combine(taken, $"{i:d6}.dcm"), file);
        // no sidecar, packed by itself, no settings of the user
        var said = Run(program, ["-b", "n", "-z", "i", "-g", "i", "-f", "image", "-o", made, taken], stop);
        string[] volumes = [.. Directory.GetFiles(made, "*.nii.gz").Order(StringComparer.Ordinal)];
        if (volumes.Any(volume => Path.GetFileName(volume).Contains("_Eq", StringComparison.Ordinal)))
            throw new InvalidDataException("its slices lie at unequal distances, as dcm2niix found");
        if (volumes.Length == 0)
        {
            var why = said.Split('\n').LastOrDefault(line => line.StartsWith("Error", StringComparison.Ordinal))
                ?? said.Split('\n').LastOrDefault(line => line.StartsWith("Warning", StringComparison.Ordinal));
            throw new InvalidDataException($"dcm2niix makes no volume of it{(why is null ? "" : $" ({why.Trim()})")}");
        }

        return volumes;
    }

    private static string Run(string program, IReadOnlyList<string> arguments, CancellationToken stop)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        using var ending = stop.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        stop.ThrowIfCancellationRequested();
        return said + errors.Result;
    }
}
