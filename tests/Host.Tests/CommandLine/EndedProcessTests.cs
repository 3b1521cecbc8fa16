using VoxelZoo.Host.Tests.Plugins;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.CommandLine;

/// <summary>A plugin that calls <c>Environment.Exit(0)</c>: nothing was done, and nobody may take it for success.</summary>
public sealed class EndedProcessTests : IDisposable
{
    private readonly Workspace _work = new();
    private readonly Fixtures _fixtures = new();

    public void Dispose()
    {
        _work.Dispose();
        _fixtures.Dispose();
    }

    [Theory]
    [InlineData("train", "ends_in_constructor")]
    [InlineData("describe", "ends_in_constructor")]
    [InlineData("train", "ends_on_a_thread")]
    [InlineData("train", "ends_with_3")]
    [InlineData("train", "ends_natively")]
    [InlineData("describe", "ends_quickly")]
    public void Verb_that_a_plugin_ended_does_not_end_with_a_code_of_its_own(string verb, string metric)
    {
        _fixtures.Add("Ending");
        string[] arguments =
        [
            verb, "exp11", "--profile", "smoke", "--plugins", _fixtures.Folder, "--set", $"evaluation.metrics=[{metric}]",
        ];

        var outcome = _work.Program(verb == "train" ? [.. arguments, "--run", _work.Run] : arguments);

        Assert.Equal(1, outcome.ExitCode);
        Assert.StartsWith(
            $"{verb} was not done when something in this process, most likely a plugin, ended it", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.Run));
    }
}
