using System.Diagnostics;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>
/// What ends a process before its run's first step: while the cohort is made, a compressor is trained first, latents are computed.
/// </summary>
public sealed class StageTests(StageTests.Straight straight) : IClassFixture<StageTests.Straight>, IDisposable
{
    // patients enough that every stage takes long enough to be hit
    private static readonly string[] Train = ["train", "exp9_1", "--profile", "smoke", "--set", "data.synthesize.train=6"];

    private readonly Workspace _work = new();

    public static TheoryData<string> Stages =>
        [
            "experiment.yaml", "cohort.*.tmp", "first/compressor/status.json", "first/compressor/checkpoints/latest",
            "latents/train", "checkpoints/latest",
        ];

    public void Dispose() => _work.Dispose();

    [Theory]
    [MemberData(nameof(Stages))]
    public void Run_killed_at_any_stage_ends_with_the_weights_of_one_that_was_not(string stage)
    {
        using (var training = Start())
        {
            Await(training, stage);
            training.Kill();
            training.WaitForExit();
        }

        Complete();
    }

    [Fact]
    public void Run_killed_before_its_experiment_was_written_goes_on()
    {
        Directory.CreateDirectory(_work.Run);
        File.WriteAllText(Path.Combine(_work.Run, "train.lock"), "");

        Complete();
    }

    [Theory]
    [InlineData("cohort.*.tmp", "TERM")]
    [InlineData("first/compressor/checkpoints/latest", "USR1")]
    [InlineData("latents/train", "INT")]
    public void Run_stopped_at_any_stage_ends_with_code_3_and_goes_on(string stage, string signal)
    {
        using (var training = Start())
        {
            Await(training, stage);
            Send(signal, training);
            training.StandardOutput.ReadToEnd();
            training.WaitForExit();
            Assert.Equal(
                (3, "time_limit"),
                (training.ExitCode, (string?)JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!["status"]));
        }

        Complete();
    }

    [Fact]
    public void Experiment_that_is_trained_first_may_not_be_another_one_when_it_goes_on()
    {
        string First(string rate) =>
            _work.Write("first.yaml", $"extends: {Repository.Root}/experiments/vqvae_4x.yaml\ntraining: {{learning_rate: {rate}}}\n");
        var file = First("0.001");
        string[] train = [.. Train, "--set", $"compressor.train_first.experiment={JsonValue.Create(file).ToJsonString()}"];
        using (var training = VoxelZooProgram.Start(Workspace.OneThread, [.. train, "--run", _work.Run]))
        {
            Await(training, "first/compressor/checkpoints/latest");
            Send("TERM", training);
            training.StandardOutput.ReadToEnd();
            training.WaitForExit();
            Assert.Equal(3, training.ExitCode);
        }

        First("0.002");
        var (dry, edited) = (
            _work.Here([.. train, "--run", _work.Run, "--resume", "--dry-run"]),
            _work.Here([.. train, "--run", _work.Run, "--resume"]));
        First("1e-3");
        var put = _work.Here([.. train, "--run", _work.Run, "--resume"]);

        var sentence = $"{file}:2:12: the experiment is not what the run was trained with: training.learning_rate is 0.002 and was 0.001; ";
        Assert.Equal((2, 2, 0), (dry.ExitCode, edited.ExitCode, put.ExitCode));
        Assert.StartsWith(sentence, edited.Error, StringComparison.Ordinal);
        Assert.Equal(edited.Error, dry.Error);
        Assert.DoesNotContain("first/compressor", put.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_of_something_else_is_not_taken_for_a_run()
    {
        _work.Write("run/notes.txt", "mine");

        var refused = _work.Here([.. Train, "--run", _work.Run, "--resume"]);

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("is not a run folder", refused.Error, StringComparison.Ordinal);
        Assert.Equal(["notes.txt"], Directory.EnumerateFileSystemEntries(_work.Run).Select(entry => Path.GetFileName(entry)));
    }

    // a child of nohup or of a script's background ignores INT, and would hand that on
    private Process Start() => VoxelZooProgram.StartOther(
        Workspace.OneThread, "env", ["--default-signal=INT", VoxelZooProgram.Executable, .. Train, "--run", _work.Run]);

    private void Complete()
    {
        var resumed = _work.Program([.. Train, "--run", _work.Run, "--resume"]);

        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(straight.Weights(straight.Run), straight.Weights(_work.Run));
        Assert.True(File.Exists(Path.Combine(_work.Run, "provenance.json")));
        Assert.Empty(Directory.GetDirectories(_work.Run, "*.tmp"));
    }

    private void Await(Process training, string stage)
    {
        while (!training.HasExited && !_work.Holds($"run/{stage}"))
            Thread.Sleep(2);
    }

    private static void Send(string signal, Process process)
    {
        using var kill = Process.Start("kill", ["-s", signal, $"{process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>The same run, left alone.</summary>
    public sealed class Straight : IDisposable
    {
        private readonly Workspace _work = new();

        public Straight()
        {
            var outcome = _work.Program([.. Train, "--run", Run]);
            Assert.True(outcome.ExitCode == 0, outcome.Error);
        }

        public string Run => _work.Run;

        public IReadOnlyDictionary<string, FileFacts> Weights(string run) =>
            new CheckpointStore(Path.Combine(run, "checkpoints")).Open("latest", _ => { })!.Manifest.Files;

        public void Dispose() => _work.Dispose();
    }
}
