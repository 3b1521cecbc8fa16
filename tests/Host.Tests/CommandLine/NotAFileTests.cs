using System.Diagnostics;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.CommandLine;

/// <summary>Pipes and links in a circle where files belong, and a process that may open few files.</summary>
public sealed class NotAFileTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Pipe_as_experiment_is_refused()
    {
        using var made = Process.Start("mkfifo", [_work.At("e.yaml")]);
        made.WaitForExit();

        var outcome = _work.Program("describe", _work.At("e.yaml"));

        Assert.Equal(
            (2, $"{_work.At("e.yaml")}: this is not a file but a pipe or a device; write it to a file first\n"),
            (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void Link_that_leads_back_to_itself_as_experiment_is_refused()
    {
        File.CreateSymbolicLink(_work.At("e.yaml"), _work.At("e.yaml"));

        var outcome = _work.Program("describe", _work.At("e.yaml"));

        Assert.Equal(
            (2, $"{_work.At("e.yaml")}: this is a symbolic link that leads back to itself; point it at a file\n"),
            (outcome.ExitCode, outcome.Error));
    }
}
