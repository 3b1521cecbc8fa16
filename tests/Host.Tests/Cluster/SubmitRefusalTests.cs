using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>
/// What cannot be submitted ends with exit code 2 and one sentence, before anything is written. None of this needs SLURM.
/// </summary>
public sealed class SubmitRefusalTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Dry_run_prints_the_script_and_writes_nothing()
    {
        var outcome = Submit("--time", "01:00:00", "--gpus", "1", "--mem", "64");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.StartsWith("#!/usr/bin/env bash\n", outcome.Out, StringComparison.Ordinal);
        Assert.Contains($"\nrun='{_work.Run}'\n", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("\n#SBATCH --signal=B:USR1@300\n", outcome.Out, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.Run + ".submit"));
    }

    [Theory]
    [InlineData("--time 12 --dry-run", "--time 12: expected HH:MM:SS or D-HH:MM:SS, as in 12:00:00")]
    [InlineData("--chain 0 --dry-run", "--chain 0: a chain has at least 1 job")]
    [InlineData("--lead 3600 --time 01:00:00 --dry-run", "--lead 3600: expected 1 to 3599 seconds, less than --time 01:00:00")]
    [InlineData("--gpus 0 --dry-run", "--gpus 0: expected at least 1")]
    [InlineData("--nodes -1 --dry-run", "--nodes -1: expected at least 1")]
    [InlineData("--tasks 0 --dry-run", "--tasks 0: expected at least 1")]
    [InlineData("--sbatch=--ntasks=4 --dry-run", "--sbatch --ntasks=4: submit sets --ntasks itself")]
    [InlineData("--account=-x --dry-run", "--account '-x': expected a name")]
    [InlineData("--sbatch=--time=1 --dry-run", "--sbatch --time=1: submit sets --time itself; use its own option")]
    [InlineData("--sbatch=--output=x --dry-run", "--sbatch --output=x: submit sets --output itself")]
    [InlineData("--sbatch=qos --dry-run", "--sbatch qos: expected an option of sbatch, as in --constraint=a100")]
    [InlineData("--set training.epoch=3 --dry-run", "--set training.epoch: unknown key `epoch`; did you mean `epochs`?")]
    [InlineData("--set data.synthesize=null --dry-run", "--set data.synthesize: data.cohort names no folder")]
    [InlineData("--set architecture.num_res_block=[1] --dry-run", "--set architecture.num_res_block")]
    public void Bad_input_is_one_sentence(string arguments, string sentence)
    {
        var outcome = Submit(arguments.Split(' '));

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.False(Path.Exists(_work.Run + ".submit"));
    }

    [Theory]
    [InlineData("--nodes 2", 2)]
    [InlineData("--gpus 4", 4)]
    [InlineData("--nodes 3 --gpus 8 --tasks 1", 3)]
    public void Batch_that_the_processes_cannot_share_is_refused(string arguments, int processes)
    {
        var outcome = Submit(arguments.Split(' '));

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains($"batch_size 1 cannot be split evenly over {processes} processes", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_that_they_can_share_is_submitted()
    {
        var outcome = Submit("--nodes", "2", "--gpus", "4", "--set", "training.batch_size=16");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.Contains("\n#SBATCH --ntasks-per-node=4\n", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_experiment_is_refused() =>
        Assert.Contains("did you mean `exp11`?", _work.Program("submit", "exp111", "--dry-run").Error, StringComparison.Ordinal);

    [Fact]
    public void Machine_without_slurm_is_refused()
    {
        var outcome = VoxelZooProgram.RunWith(new() { ["PATH"] = "/nowhere" }, "submit", "exp11", "--profile", "smoke", "--run", _work.Run);

        Assert.Equal((2, true), (outcome.ExitCode, outcome.Error.StartsWith("sbatch is not on the PATH", StringComparison.Ordinal)));
        Assert.False(Path.Exists(_work.Run + ".submit"));
    }

    [Fact]
    public void Device_of_the_jobs_need_not_be_here() => Assert.Equal(0, Submit("--dry-run", "--set", "training.device=cuda").ExitCode);

    [Fact]
    public void Status_of_a_run_that_was_not_submitted_is_refused() =>
        Assert.StartsWith(
            $"{_work.Run}: no chain was submitted for this run",
            _work.Program("submit", "status", _work.Run).Error,
            StringComparison.Ordinal);

    [Fact]
    public void Status_of_a_damaged_chain_is_refused()
    {
        var file = _work.Write("run.submit/chain.json", "{\"experiment\": ");

        var outcome = _work.Program("submit", "status", _work.Run);

        Assert.Equal((2, true), (outcome.ExitCode, outcome.Error.StartsWith($"{file} cannot be read", StringComparison.Ordinal)));
    }

    private VoxelZooProgram.Outcome Submit(params string[] arguments) =>
        _work.Program(
            [
                "submit",
                "exp11",
                "--profile",
                "smoke",
                "--run",
                _work.Run,
                .. arguments.Contains("--dry-run") ? arguments : [.. arguments, "--dry-run"],
            ]);
}
