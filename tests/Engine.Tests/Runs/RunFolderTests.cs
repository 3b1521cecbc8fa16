using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class RunFolderTests : IDisposable
{
    private static readonly RunStatus Status = new()
    {
        Status = RunState.TimeLimit,
        Epoch = 3,
        Epochs = 10,
        Step = 42,
        Best = new BestValidation(2, double.PositiveInfinity),
        LastError = "a sentence",
        Started = DateTimeOffset.UnixEpoch,
        Updated = DateTimeOffset.UnixEpoch.AddHours(1),
        TrainingSeconds = 0.1,
    };

    private readonly TemporaryFolder _folder = new();

    private string Run => Path.Combine(_folder.Path, "run");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("experiment.yaml")]
    [InlineData("checkpoints")]
    public void Run_that_may_not_be_read_is_refused_as_that(string what)
    {
        using var run = new Tiny.TinyRun();
        File.WriteAllText(run.Folder.Experiment, "id: tiny\n");
        Directory.CreateDirectory(run.Folder.Checkpoints);
        ClosedPath.LookAsUser(() => RunFolder.Open(run.Folder.Path));

        ClosedPath.Look(Path.Combine(run.Folder.Path, what), () =>
        {
            var refusal = Assert.Throws<RunFolderException>(() => RunFolder.Open(run.Folder.Path));
            Assert.Contains("cannot be read, because this user may not", refusal.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Create_makes_the_folder() => Assert.True(Directory.Exists(RunFolder.Create(Run).Path));

    [Fact]
    public void Create_takes_an_empty_folder()
    {
        Directory.CreateDirectory(Run);
        Assert.Equal(Run, RunFolder.Create(Run).Path);
    }

    [Fact]
    public void Create_refuses_a_folder_in_use_and_leaves_it()
    {
        var file = _folder.File("run/experiment.yaml");
        File.WriteAllText(file, "mine");
        var error = Assert.Throws<RunFolderException>(() => RunFolder.Create(Run));
        Assert.Contains("--resume", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(file));
    }

    [Fact]
    public void Create_refuses_a_file_in_the_way()
    {
        File.WriteAllText(Run, "");
        Assert.Throws<RunFolderException>(() => RunFolder.Create(Run));
    }

    [Theory]
    [InlineData(RunState.Running, false, RunState.Interrupted)]
    [InlineData(RunState.Running, true, RunState.Running)]
    [InlineData(RunState.Completed, false, RunState.Completed)]
    [InlineData(RunState.Failed, true, RunState.Failed)]
    public void Run_that_says_running_and_that_nobody_trains_was_interrupted(RunState written, bool locked, RunState standing)
    {
        var run = RunFolder.Create(Run);
        run.WriteStatus(Status with { Status = written });
        using var held = locked ? run.Lock() : null;

        Assert.Equal((standing, written), (run.ReadStanding()!.Status, run.ReadStatus()!.Status));
    }

    [Fact]
    public void Open_refuses_a_folder_that_is_not_there() =>
        Assert.Contains(Run, Assert.Throws<RunFolderException>(() => RunFolder.Open(Run)).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_refuses_a_folder_without_an_experiment()
    {
        Directory.CreateDirectory(Run);
        Assert.Contains("experiment.yaml", Assert.Throws<RunFolderException>(() => RunFolder.Open(Run)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void IsLocked_while_a_process_holds_the_run()
    {
        var run = RunFolder.Create(Run);
        Assert.False(run.IsLocked());
        using (run.Lock())
            Assert.True(run.IsLocked());
        Assert.False(run.IsLocked());
    }

    [Fact]
    public void Status_before_the_first_is_null() => Assert.Null(RunFolder.Create(Run).ReadStatus());

    [Fact]
    public void Status_returns_what_was_written()
    {
        var run = RunFolder.Create(Run);
        run.WriteStatus(Status);
        Assert.Equal(Status, run.ReadStatus());
    }

    [Theory]
    [InlineData(RunState.Running, "running")]
    [InlineData(RunState.Completed, "completed")]
    [InlineData(RunState.Diverged, "diverged")]
    [InlineData(RunState.TimeLimit, "time_limit")]
    [InlineData(RunState.Failed, "failed")]
    public void Status_on_disk_has_the_names_that_scripts_hold_on_to(RunState state, string expected)
    {
        var run = RunFolder.Create(Run);
        run.WriteStatus(Status with { Status = state });
        using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllText(run.Status));
        Assert.Equal(expected, json.RootElement.GetProperty("status").GetString());
        Assert.Equal("a sentence", json.RootElement.GetProperty("last_error").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"status\":")]
    [InlineData("{\"status\":\"asleep\"}")]
    public void Status_that_is_damaged_is_refused_by_file(string text)
    {
        var run = RunFolder.Create(Run);
        File.WriteAllText(run.Status, text);
        Assert.Contains(run.Status, Assert.Throws<RunFolderException>(() => run.ReadStatus()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("metrics.jsonl")]
    [InlineData("status.json")]
    [InlineData("train.lock")]
    [InlineData("events/events.out.tfevents.1.host.1.0")]
    [InlineData("checkpoints/latest")]
    [InlineData("checkpoints/step-00000001/manifest.json")]
    public void Run_with_a_pipe_in_the_place_of_a_file_is_not_trained_on(string name)
    {
        var run = RunFolder.Create(Run);
        var pipe = _folder.File(Path.Combine("run", name));
        using var made = System.Diagnostics.Process.Start("mkfifo", [pipe]);
        made.WaitForExit();
        var sentence = $"{pipe}: this is not a file but a pipe or a device; write it to a file first";
        Assert.Equal(sentence, Assert.Throws<RunFolderException>(run.CheckLock).Message);
        Assert.Equal(sentence, Assert.Throws<RunFolderException>(run.Lock).Message);
        Assert.False(run.IsLocked());
    }
}
