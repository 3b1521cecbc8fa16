using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>What a power cut or the out-of-memory killer does to a run: SIGKILL, at any time.</summary>
public sealed class KillTests : IDisposable
{
    private const int Kills = 4;
    private static readonly string[] Experiment = ["train", "exp11", "--profile", "smoke", "--set", "training.epochs=24"];

    private readonly Workspace _work = new();

    private string Checkpoints => Path.Combine(_work.Run, "checkpoints");

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Run_killed_at_random_times_ends_with_the_weights_of_one_that_was_not()
    {
        var straight = _work.At("straight");
        Assert.Equal(0, _work.Program([.. Experiment, "--run", straight]).ExitCode);
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        long reached = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            Kill(Experiment, reached, TimeSpan.FromMilliseconds(random.Next(600)), resume: kill > 0);

            var damaged = new List<string>();
            var latest = new CheckpointStore(Checkpoints).Open("latest", damaged.Add)!;
            // only between the first checkpoint and its pointer there is something to say
            if (File.Exists(Path.Combine(Checkpoints, "latest")))
                Assert.Empty(damaged);
            else
                Assert.StartsWith("the pointer latest is not there; taking step-", Assert.Single(damaged), StringComparison.Ordinal);
            Assert.InRange(latest.Manifest.Position.Step, reached, 48);
            reached = latest.Manifest.Position.Step;
        }

        var resumed = _work.Program([.. Experiment, "--run", _work.Run, "--resume"]);

        Assert.Equal((0, ""), (resumed.ExitCode, resumed.Error));
        var (expected, actual) = (Manifest(straight), Manifest(_work.Run));
        Assert.Equal(expected.Files, actual.Files); // sizes and hashes of weights, average and moments
        Assert.Equal(expected.Position with { TrainingSeconds = 0 }, actual.Position with { TrainingSeconds = 0 });
        Assert.DoesNotContain(Directory.GetDirectories(Checkpoints), folder => Path.GetFileName(folder).StartsWith('.'));
        Assert.Equal(
            File.ReadLines(Path.Combine(straight, "metrics.jsonl")).Select(Loss),
            File.ReadLines(Path.Combine(_work.Run, "metrics.jsonl")).Select(Loss));
    }

    [Fact]
    public void Second_process_that_would_train_a_run_is_refused_and_the_first_goes_on()
    {
        // so many epochs that it trains until it is told to stop
        using var first = VoxelZooProgram.Start(
            Workspace.OneThread, [.. Experiment, "--run", _work.Run, "--set", "training.epochs=100000"]);
        WaitForStep(first, 0);

        var second = _work.Here([.. Experiment, "--run", _work.Run, "--resume"]);

        Assert.Equal(2, second.ExitCode);
        Assert.Contains("is being trained by another process", second.Error, StringComparison.Ordinal);
        WaitForStep(first, Directory.GetDirectories(Checkpoints, "step-*").Max(StepOf));
        using (var kill = Process.Start("kill", ["-TERM", $"{first.Id}"]))
            kill.WaitForExit();
        first.StandardOutput.ReadToEnd();
        first.WaitForExit();
        Assert.Equal(3, first.ExitCode); // stopped with a checkpoint
    }

    [Fact]
    public void Run_whose_checkpoints_are_all_broken_is_not_begun_anew()
    {
        _work.Trained();
        foreach (var manifest in Directory.GetFiles(Checkpoints, "manifest.json", SearchOption.AllDirectories))
            File.WriteAllText(manifest, "{");

        for (var attempt = 0; attempt < 2; attempt++)
        {
            var resumed = _work.SmokeHere("exp11", "--resume");
            Assert.Equal(2, resumed.ExitCode);
            Assert.Contains("none of them can be read", resumed.Error, StringComparison.Ordinal);
        }
    }

    private void Kill(string[] arguments, long reached, TimeSpan after, bool resume)
    {
        using var training = VoxelZooProgram.Start(
            Workspace.OneThread, [.. arguments, "--run", _work.Run, .. resume ? new[] { "--resume" } : []]);
        WaitForStep(training, reached);
        Thread.Sleep(after);
        training.Kill();
        training.WaitForExit();
    }

    /// <summary>Waits until a checkpoint after a step is there.</summary>
    private void WaitForStep(Process training, long step)
    {
        while (!training.HasExited
            && !(Directory.Exists(Checkpoints) && Directory.GetDirectories(Checkpoints, "step-*").Any(folder => StepOf(folder) > step)))
            Thread.Sleep(5);
    }

    private static long StepOf(string folder) => long.Parse(Path.GetFileName(folder).AsSpan("step-".Length), CultureInfo.InvariantCulture);

    private static CheckpointManifest Manifest(string run) =>
        new CheckpointStore(Path.Combine(run, "checkpoints")).Open("latest", _ => { })!.Manifest;

    private static string Loss(string line)
    {
        var entry = JsonNode.Parse(line)!;
        return $"{entry["kind"]} {entry["step"]} {entry["loss"]} {entry["gradient_norm"]} {entry["validation_loss"]}";
    }
}
