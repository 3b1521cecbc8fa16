using System.Diagnostics;

namespace VoxelZoo.Tensors.Tests.Convolutions;

/// <summary>This test program once more, in a process whose oneDNN is spoiled without harm to other tests.</summary>
internal static class ChildProcess
{
    /// <summary>The start-up hook that hides the CPU's caches.</summary>
    private static string Hook => Path.Combine(AppContext.BaseDirectory, "../../HiddenCaches/release/VoxelZoo.HiddenCaches.dll");

    /// <summary>Runs a class of tests that are marked explicit and shows what it said where it failed.</summary>
    public static void Run(Type tests, IReadOnlyDictionary<string, string>? environment = null, bool hideCaches = false)
    {
        var start = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? new ProcessStartInfo(Environment.ProcessPath!, ["exec", typeof(ChildProcess).Assembly.Location])
            : new ProcessStartInfo(Environment.ProcessPath!);
        foreach (var argument in new[] { "-explicit", "only", "-class", tests.FullName! })
            start.ArgumentList.Add(argument);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        if (hideCaches)
            start.Environment["DOTNET_STARTUP_HOOKS"] = Path.GetFullPath(Hook);
        using var child = Process.Start(start)!;
        var error = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, output + error.Result);
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
    }
}
