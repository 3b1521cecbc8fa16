using System.Diagnostics;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>The job script: what it asks for, and what it does with a stand-in for the program.</summary>
public sealed class JobScriptTests : IDisposable
{
    private static readonly JobRequest Small = new() { Time = WallTime.Parse("12:00:00"), Lead = 300, Nodes = 1 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Everything_that_is_asked_for_is_a_directive_before_the_first_command()
    {
        var request = Small with
        {
            Nodes = 2, Gpus = 4, Cpus = 8, Memory = 96, Partition = "gpu", Account = "nn1234k",
            Others = ["--constraint=\"a100|h100\"", "--qos=high"],
        };

        var directives = Script(request).Text().Split("set -u")[0].Split('\n')
            .Where(line => line.StartsWith("#SBATCH ", StringComparison.Ordinal));

        Assert.Superset(
            new HashSet<string>
            {
                "#SBATCH --job-name=exp1", "#SBATCH --time=12:00:00", "#SBATCH --signal=B:USR1@300", "#SBATCH --nodes=2",
                "#SBATCH --ntasks-per-node=4",
                "#SBATCH --gres=gpu:4", "#SBATCH --cpus-per-task=8", "#SBATCH --mem=96G",
                "#SBATCH --partition=gpu", "#SBATCH --account=nn1234k",
                "#SBATCH --constraint=\"a100|h100\"", "#SBATCH --qos=high", "#SBATCH --requeue", "#SBATCH --open-mode=append",
            },
            directives.ToHashSet());
    }

    [Fact]
    public void What_is_not_asked_for_is_left_to_the_cluster() =>
        Assert.DoesNotContain(
            ["--gres", "--cpus", "--mem", "--partition", "--account", "srun"],
            word => Script(Small).Text().Contains(word, StringComparison.Ordinal));

    [Fact]
    public void Several_processes_are_started_by_srun() =>
        Assert.Contains(
            "\nsrun --kill-on-bad-exit \"$voxelzoo\" train ", Script(Small with { Nodes = 2 }).Text(), StringComparison.Ordinal);

    [Fact]
    public void Processes_started_by_srun_have_the_cores_that_the_job_asked_for() =>
        Assert.Contains(
            "\nsrun --kill-on-bad-exit --cpus-per-task=8 \"$voxelzoo\" train ",
            Script(Small with { Tasks = 2, Cpus = 8 }).Text(),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("USR1")]
    [InlineData("TERM")]
    public void Srun_is_told_to_stop_in_the_way_that_it_hands_on(string signal)
    {
        _folder.Write("bin/srun", "#!/usr/bin/env bash\nshift; trap 'sleep 1; exit 3' USR1; echo ready; while :; do sleep 0.1; done\n");
        Process.Start("chmod", ["+x", At("bin/srun")]).WaitForExit();

        var outcome = Play(Script(Small with { Tasks = 2 }), "exit 0", signal, path: At("bin"));

        Assert.Equal($"submit|next|{At("my run")}|--code|3|--signal|{signal}", outcome.Calls[^1]);
    }

    [Fact]
    public void Percent_sign_in_the_path_is_none_of_a_pattern() =>
        Assert.Contains(
            "#SBATCH --output=/runs/50%%.submit/%j.log\n",
            (Script(Small) with { Folder = new ChainFolder("/runs/50%") }).Text(),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("plain/word-1.0=x", "plain/word-1.0=x")]
    [InlineData("", "''")]
    [InlineData("a b", "'a b'")]
    [InlineData("it's $HOME", @"'it'\''s $HOME'")]
    public void Word_is_quoted_where_bash_would_read_something_else(string word, string quoted) => Assert.Equal(quoted, Shell.Quote(word));

    [Fact]
    public void Fresh_run_is_trained_and_one_that_began_is_resumed_with_arguments_as_they_were_given()
    {
        var script = Script(Small) with { Arguments = ["--set=data.cohort=it's $HERE"] };

        var fresh = Play(script, "exit 0");
        _folder.Write("my run/experiment.yaml", "");
        var resumed = Play(script, "exit 0");

        var (run, experiment) = (At("my run"), At("my run.submit/experiment.yaml"));
        Assert.Equal(
            [
                $"submit|begin|{run}",
                $"train|{experiment}|--run|{run}|--set=data.cohort=it's $HERE",
                $"submit|next|{run}|--code|0|--signal|none",
            ],
            fresh.Calls);
        Assert.Equal($"train|{experiment}|--run|{run}|--resume|--set=data.cohort=it's $HERE", resumed.Calls[1]);
        Assert.Equal((0, ""), (fresh.ExitCode, fresh.Error));
    }

    [Theory]
    [InlineData("USR1")]
    [InlineData("TERM")]
    public void Signal_reaches_training_and_its_exit_code_is_waited_for(string signal)
    {
        var outcome = Play(Script(Small), $"trap 'sleep 1; exit 3' {signal}; echo ready; while :; do sleep 0.1; done", signal);

        Assert.Equal($"submit|next|{At("my run")}|--code|3|--signal|{signal}", outcome.Calls[^1]);
    }

    [Fact]
    public void Signal_that_comes_as_training_ends_does_not_hide_its_exit_code()
    {
        var outcome = Play(Script(Small), "trap '' USR1; echo ready; sleep 1; exit 0", "USR1");

        Assert.Equal($"submit|next|{At("my run")}|--code|0|--signal|USR1", outcome.Calls[^1]);
    }

    [Fact]
    public void Training_that_is_killed_is_reported_as_such() =>
        Assert.Equal($"submit|next|{At("my run")}|--code|137|--signal|none", Play(Script(Small), "kill -KILL $$").Calls[^1]);

    [Fact]
    public void Segment_that_may_not_begin_trains_nothing()
    {
        var outcome = Play(Script(Small), "exit 0", begin: "exit 1");

        Assert.Equal((1, 1), (outcome.ExitCode, outcome.Calls.Length));
    }

    private string At(string name) => Path.Combine(_folder.Path, name);

    private JobScript Script(JobRequest request) => new()
    {
        Experiment = "exp1",
        Request = request,
        Folder = new ChainFolder(At("my run")),
        Program = At("voxelzoo"),
        Directory = _folder.Path,
    };

    /// <summary>Runs the script with a program that notes how it is called, and trains by a line of bash.</summary>
    private (string[] Calls, int ExitCode, string Error) Play(
        JobScript script, string training, string? signal = null, string begin = "exit 0", string? path = null)
    {
        var calls = At("calls");
        File.Delete(calls);
        File.WriteAllText(At("voxelzoo"), $$"""
            #!/usr/bin/env bash
            (IFS='|'; echo "$*") >> '{{calls}}'
            case "$1 $2" in
              "submit begin") {{begin}} ;;
              train*) {{training}} ;;
            esac
            """);
        Process.Start("chmod", ["+x", At("voxelzoo")]).WaitForExit();
        var file = _folder.Write("job.sh", script.Text());
        var start = new ProcessStartInfo(
            "env", ["--default-signal", "bash", file]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{path}:{Environment.GetEnvironmentVariable("PATH")}";
        using var bash = Process.Start(start)!;
        if (signal is not null)
        {
            Assert.Equal("ready", bash.StandardOutput.ReadLine());
            using var kill = Process.Start("kill", ["-s", signal, $"{bash.Id}"]);
            kill.WaitForExit();
        }

        var error = bash.StandardError.ReadToEnd();
        bash.WaitForExit();
        return (File.ReadAllLines(calls), bash.ExitCode, error);
    }
}
