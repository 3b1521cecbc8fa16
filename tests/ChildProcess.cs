using System.Diagnostics;
using Xunit;

/// <summary>This test program once more, in a process of its own: with other settings, or one that may be spoiled.</summary>
internal static class ChildProcess
{
    /// <summary>The start-up hook that hides the CPU's caches from oneDNN.</summary>
    public static string HiddenCaches { get; } =
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../HiddenCaches/release/VoxelZoo.HiddenCaches.dll"));

    /// <summary>Runs a class of tests that are marked explicit, and shows what it said where one failed.</summary>
    /// <param name="tests">The class.</param>
    /// <param name="environment">What it is to find in its environment beside what this process has.</param>
    /// <returns>What it wrote to standard error.</returns>
    public static string Run(Type tests, IReadOnlyDictionary<string, string> environment)
    {
        var start = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? new ProcessStartInfo(Environment.ProcessPath!, ["exec", tests.Assembly.Location])
            : new ProcessStartInfo(Environment.ProcessPath!);
        foreach (var argument in new[] { "-explicit", "only", "-class", tests.FullName! })
            start.ArgumentList.Add(argument);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var child = Process.Start(start)!;
        var error = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, output + error.Result);
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
        return error.Result;
    }
}
