using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.CommandLine;

/// <summary>Verbs on a run that cannot be written, and where there is no room for what they make.</summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Run_that_cannot_be_written_is_refused_before_the_work_and_samples_go_elsewhere()
    {
        _work.Trained("exp1");
        using var disk = SmallDisk.ReadOnly(_work.At("read-only"), _work.Run);

        Refused("sampled from", "sample");
        Refused("evaluated", "evaluate");
        Refused("reported on", "report");
        Refused("given a discriminator", "train-diffrs");
        Refused("swept", "sweep", "steps");
        var resumed = _work.Program("train", "exp1", "--profile", "smoke", "--run", disk.Path, "--resume");
        Assert.Equal(2, resumed.ExitCode);
        Assert.Contains("train.lock cannot be written (the file system is read-only)", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(0, _work.Program("sample", disk.Path, "--steps", "1", "--out", _work.At("elsewhere")).ExitCode);

        void Refused(string doing, params string[] verb)
        {
            var outcome = _work.Program([.. verb, disk.Path]);
            Assert.Equal(2, outcome.ExitCode);
            Assert.Contains($"{disk.Path} cannot be {doing}, because ", outcome.Error, StringComparison.Ordinal);
            Assert.Single(outcome.Error.TrimEnd().Split('\n'));
        }
    }

    [Fact]
    public void What_there_is_no_room_for_is_named_with_what_to_do()
    {
        _work.Trained("exp1");
        using var disk = SmallDisk.Of(_work.At("small"), 16);

        Full("00000/", _work.Program("sample", _work.Run, "--steps", "1", "--out", Path.Combine(disk.Path, "samples")));
        Full("", _work.Program("train", "exp1", "--profile", "smoke", "--run", Path.Combine(disk.Path, "run")));

        static void Full(string named, VoxelZooProgram.Outcome outcome)
        {
            Assert.Equal(1, outcome.ExitCode);
            var last = outcome.Error.TrimEnd().Split('\n')[^1];
            Assert.Contains($"/{named}", last, StringComparison.Ordinal);
            Assert.EndsWith(
                " cannot be written: there is no room left on the disk; make room, and do the same again", last, StringComparison.Ordinal);
            Assert.DoesNotContain("tmp-", last, StringComparison.Ordinal);
            Assert.DoesNotContain(".tmp", last, StringComparison.Ordinal);
        }
    }
}
