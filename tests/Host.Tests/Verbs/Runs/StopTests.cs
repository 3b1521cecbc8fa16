using System.Diagnostics;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>What a cluster does to a run whose time is up.</summary>
public sealed class StopTests : IDisposable
{
    private static readonly string[] ManyEpochs = ["--set", "training.epochs=100000"];

    private readonly Workspace _work = new();

    private JsonNode Status => JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!;

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("TERM")]
    [InlineData("USR1")]
    [InlineData("INT")]
    [InlineData("HUP")]
    public void Signal_leaves_a_checkpoint_from_which_resume_completes_the_run(string signal)
    {
        using var training = Start();
        Send(signal, training);

        Assert.Equal((3, "time_limit"), (ExitCode(training), (string?)Status["status"]));
        var stopped = (int)Status["step"]!;
        Assert.InRange(stopped, 2, 199_999);
        Assert.True(File.Exists(Path.Combine(_work.Run, $"checkpoints/step-{stopped:D8}/manifest.json")));

        var epochs = stopped / 2 + 2; // of two steps
        var resumed = _work.SmokeHere("exp11", "--resume", "--set", $"training.epochs={epochs}");

        Assert.Equal((0, ""), (resumed.ExitCode, resumed.Error));
        Assert.Contains($"continuing after step {stopped}", resumed.Out, StringComparison.Ordinal);
        Assert.Equal(("completed", 2 * epochs), ((string?)Status["status"], (int)Status["step"]!));
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("USR1")]
    [InlineData("INT")]
    public void Signal_that_comes_when_all_is_done_makes_no_failure_of_it(string signal)
    {
        using var process = VoxelZooProgram.Start(Workspace.OneThread, ["train", "exp11", "--profile", "smoke", "--run", _work.Run]);
        while (process.StandardOutput.ReadLine() is { } line && !line.Contains(": completed after", StringComparison.Ordinal))
        {
        }

        using (var kill = Process.Start(new ProcessStartInfo("kill", [$"-{signal}", $"{process.Id}"]) { RedirectStandardError = true })!)
            kill.WaitForExit();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public void Resume_holds_the_run_to_what_its_own_experiment_expects()
    {
        // the profile takes the expectation away, and the run goes on without naming the profile again
        var experiment = _work.Write(
            "e.yaml", $"extends: {Repository.Root}/experiments/exp11.yaml\nid: e\nexpect: {{validation_loss: 1e-9}}\n");
        Assert.Equal(0, _work.SmokeHere(experiment).ExitCode);

        var resumed = _work.Here("train", experiment, "--run", _work.Run, "--resume");

        Assert.Equal((0, ""), (resumed.ExitCode, resumed.Error));
    }

    [Fact]
    public void Sigterm_after_training_ends_a_run_as_one_with_a_checkpoint()
    {
        using var process = VoxelZooProgram.Start(
            Workspace.OneThread,
            ["run", "exp11", "--profile", "smoke", "--run", _work.Run, "--set", "sampling.steps=1000", "--set", "sampling.count=100"]);
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch 2/", StringComparison.Ordinal))
        {
        }

        while (!Directory.Exists(Path.Combine(_work.Run, "samples")) && !process.HasExited)
            Thread.Sleep(20);
        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
            kill.WaitForExit();
        var rest = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.Contains("stopped with the model trained", rest, StringComparison.Ordinal);
        Assert.Equal((3, "completed"), (process.ExitCode, (string?)Status["status"]));
    }

    [Fact]
    public void Scheduler_that_sends_several_signals_still_gets_its_checkpoint()
    {
        using var training = Start();
        foreach (var signal in new[] { "USR1", "TERM", "TERM", "USR1" })
            Send(signal, training);

        Assert.Equal((3, "time_limit"), (ExitCode(training), (string?)Status["status"]));
    }

    [Fact]
    public void Second_interrupt_ends_the_process_at_once()
    {
        // one step an epoch, and then a validation of half a minute, which the first interrupt leaves to finish
        using var training = VoxelZooProgram.Start(
            Workspace.OneThread,
            [
                "train", "exp11", "--profile", "smoke", "--run", _work.Run, "--set", "data.synthesize.train=1", "--set",
                "training.validation_timesteps=1000",
            ]);
        while (!File.Exists(Path.Combine(_work.Run, "status.json")) && !training.HasExited)
            Thread.Sleep(20);
        // signals that wait at once would be one, so the second is sent until it is heard
        do
            Send("INT", training);
        while (!training.WaitForExit(200));

        Assert.Equal((130, "running"), (ExitCode(training), (string?)Status["status"]));
        Assert.Equal(0, _work.Here("report", _work.Run).ExitCode);
        Assert.Contains(
            "| status | interrupted, epoch 0 of 2, ", File.ReadAllText(Path.Combine(_work.Run, "report.md")), StringComparison.Ordinal);
        var all = JsonNode.Parse(_work.Here("report", _work.Run, "--json").Out)!["runs"]![0]!;
        Assert.Equal(("INTERRUPTED ep0", "interrupted"), ((string?)all["state"], (string?)all["status"]!["status"]));
    }

    private Process Start()
    {
        var process = VoxelZooProgram.Start(
            Workspace.OneThread, ["train", "exp11", "--profile", "smoke", "--run", _work.Run, .. ManyEpochs]);
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch 1/", StringComparison.Ordinal))
        {
        }

        return process;
    }

    private static void Send(string signal, Process process)
    {
        using var kill = Process.Start("kill", ["-s", signal, $"{process.Id}"]);
        kill.WaitForExit();
    }

    private static int ExitCode(Process process)
    {
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
