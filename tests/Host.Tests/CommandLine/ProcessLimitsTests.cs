using VoxelZoo.Host.Tests.Programs;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.CommandLine;

/// <summary>What the system grants too little of is said, in one sentence, before anything fails for another reason.</summary>
public sealed class ProcessLimitsTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private static Outcome Under(string shell, params string[] verb)
    {
        using var process = StartOther([], "bash", ["-c", $"{shell}; exec \"$0\" \"$@\"", Executable, .. verb]);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output, error.Result);
    }

    private static void Refused(Outcome outcome, string found)
    {
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.Contains(found, Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40, "--version")]
    [InlineData(64, "plugins", "list")]
    [InlineData(100, "describe", "exp11")]
    [InlineData(140, "data", "check", "nowhere")]
    [InlineData(255, "train", "exp11", "--profile", "smoke")]
    public void Too_few_open_files_are_named_before_anything_is_loaded(int files, params string[] verb) =>
        Refused(Under($"ulimit -n {files}", verb), $"may have {files} files open at once");

    [Fact]
    public void Soft_limit_of_open_files_is_raised() => Assert.Equal(0, Under("ulimit -Sn 40", "plugins", "list").ExitCode);

    [Theory]
    [InlineData(1200000, "1171 MiB", "plugins", "list")]
    [InlineData(4000000, "3906 MiB", "describe", "exp11")]
    [InlineData(6000000, "5859 MiB", "train", "exp11", "--profile", "smoke")]
    public void Too_few_addresses_are_named(int kibibytes, string found, params string[] verb) =>
        Refused(Under($"ulimit -v {kibibytes}", verb), $"limited to {found}");

    [Theory]
    [InlineData("plugins", "list")]
    [InlineData("plugins", "list", "--json")]
    [InlineData("--help")]
    public void Listing_that_cannot_be_written_fails_and_names_the_stream(params string[] verb)
    {
        var outcome = Under("exec > /dev/full", verb);
        Assert.Equal((1, "standard output could not be written: No space left on device\n"), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void Training_whose_console_cannot_be_written_is_unharmed()
    {
        var outcome = Under("exec > /dev/full", "train", "exp11", "--profile", "smoke", "--run", _work.Run);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains(
            "warning: standard output could not be written: No space left on device; what is in files is complete",
            outcome.Error,
            StringComparison.Ordinal);
        Assert.Contains("\"status\": \"completed\"", File.ReadAllText(Path.Combine(_work.Run, "status.json")), StringComparison.Ordinal);
        Assert.Equal(0, Under("exec > /dev/full 2>&1", "sample", _work.Run, "--steps", "1").ExitCode);
    }
}
