using VoxelZoo.Host.Tests.Programs;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.CommandLine;

/// <summary>What makes a listing fast: it loads no libtorch. How fast it is, <c>benchmarks/startup.sh</c> measures.</summary>
public sealed class StartupTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData(false, "plugins", "list")]
    [InlineData(false, "plugins", "list", "--json")]
    [InlineData(false, "experiments")]
    [InlineData(true, "describe", "exp1")]
    public void Libtorch_is_loaded_by_verbs_that_compute_alone(bool loads, params string[] verb)
    {
        // glibc's loader writes what it loads, into a file for each process
        var log = _work.At("loaded");
        var outcome = RunWith(new() { ["LD_DEBUG"] = "files", ["LD_DEBUG_OUTPUT"] = log }, verb);

        Assert.Equal(0, outcome.ExitCode);
        var loaded = string.Concat(Directory.GetFiles(_work.At("."), "loaded.*").Select(File.ReadAllText));
        Assert.Contains("libcoreclr.so", loaded, StringComparison.Ordinal);
        Assert.Equal(loads, loaded.Contains("libtorch_cpu.so", StringComparison.Ordinal));
    }
}
