using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Configuration;

/// <summary>An experiment whose file is edited, or over which other values are set, between two segments of a run.</summary>
public sealed class ResumedExperimentTests(ResumedExperimentTests.Begun begun) : IClassFixture<ResumedExperimentTests.Begun>, IDisposable
{
    // of the first segment
    private const string Rate = "learning_rate: 0.001";

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private string Write(string training = "") => Write(_work, training);

    private static string Write(Workspace work, string training) =>
        work.Write(
            "e.yaml",
            $"extends: {Repository.Root}/experiments/exp11.yaml\nid: e\ntraining: {{{training}}}\n"
            + "profiles: {smoke: {training: {epochs: 1}}}\n");

    private VoxelZooProgram.Outcome Resume(string experiment, params string[] more) =>
        _work.Here(["train", experiment, "--run", _work.Run, "--resume", .. more]);

    private int Step => (int)JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!["step"]!;

    private string Trained()
    {
        _work.Copy(begun.Run, "run");
        return Write(Rate);
    }

    [Fact]
    public void File_that_says_the_same_in_other_words_is_taken_without_a_word()
    {
        var experiment = Trained();
        Write("learning_rate: 1e-3");

        var outcome = Resume(experiment);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void Default_that_is_written_down_is_no_difference_in_the_file_and_by_set()
    {
        var experiment = Trained();
        var before = _work.Here("describe", experiment, "--json").Out;
        _work.Write("e.yaml", $$"""
            extends: {{Repository.Root}}/experiments/exp11.yaml
            id: e
            training: {learning_rate: 0.001, seed: 42, beta1: 0.9, guard: {max_skips: 20}, region_weights: null}
            condition: {size_bins: null}
            architecture: {norm_eps: 0.000001}
            sampling: {seed: 42}
            profiles: {smoke: {training: {epochs: 1} } }

            """);
        Assert.Equal(before, _work.Here("describe", experiment, "--json").Out);

        var outcome = Resume(experiment, "--set", "training.seed=42", "--set", "training.ema=null", "--set", "training.weight_decay=0");
        var other = Resume(experiment, "--set", "training.beta1=0.8");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.Equal(2, other.ExitCode);
        Assert.StartsWith(
            "--set training.beta1: the run was trained with training.beta1 not set, and 0.8 would", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_of_a_chain_is_compared_with_the_file_that_was_submitted()
    {
        var experiment = Write(Rate);
        Assert.Equal("", Submit(experiment).Error);
        // what the job does, and one that is started over
        string[] job = ["train", $"{_work.Run}.submit/experiment.yaml", "--run", _work.Run];
        var trained = _work.Here(job);
        var again = _work.Here([.. job, "--resume"]);
        var same = Resume(experiment);
        Write("learning_rate: 0.002");

        var edited = Resume(experiment);
        var submitted = Submit(experiment, "--resume");
        var own = _work.Here([.. job, "--resume"]);

        Assert.Equal((0, "", 0, "", 0, ""), (trained.ExitCode, trained.Error, again.ExitCode, again.Error, same.ExitCode, same.Error));
        var sentence = $"{experiment}:3:12: the experiment is not what the run was trained with: "
            + "training.learning_rate is 0.002 and was 0.001; ";
        Assert.Equal((2, 2), (edited.ExitCode, submitted.ExitCode));
        Assert.StartsWith(sentence, edited.Error, StringComparison.Ordinal);
        Assert.StartsWith(sentence, submitted.Error, StringComparison.Ordinal);
        Assert.Equal((0, ""), (own.ExitCode, own.Error));
    }

    /// <summary>Submits to a SLURM that takes every job and starts none.</summary>
    private VoxelZooProgram.Outcome Submit(string experiment, params string[] more)
    {
        var sbatch = _work.Write("bin/sbatch", "#!/bin/sh\necho 1\n");
        using (var chmod = System.Diagnostics.Process.Start("chmod", ["+x", sbatch]))
            chmod.WaitForExit();
        var environment = new Dictionary<string, string>(Workspace.OneThread)
        {
            ["PATH"] = $"{_work.At("bin")}:{Environment.GetEnvironmentVariable("PATH")}",
        };
        return VoxelZooProgram.RunWith(
            environment, ["submit", experiment, "--profile", "smoke", "--run", _work.Run, "--set", "sampling.count=3", .. more]);
    }

    [Fact]
    public void Value_that_was_set_when_the_run_began_is_of_no_option_of_now()
    {
        var experiment = Trained();
        var own = Path.Combine(_work.Run, "experiment.yaml");
        File.WriteAllText(own, File.ReadAllText(own).Replace("count: 3", "count: 4", StringComparison.Ordinal));
        Workspace.Seal(_work.Run);

        var outcome = Resume(experiment);

        Assert.Equal(0, outcome.ExitCode);
        Assert.StartsWith(
            $"warning: {_work.Run}/origin.json: sampling.count is 3 and was 4 when the run began", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Edited_cadence_is_named_and_taken_by_set_alone_and_remembered()
    {
        var experiment = Trained();
        Write("learning_rate: 0.001, keep_checkpoints: 7");

        var outcome = Resume(experiment);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains(
            $"{experiment}:3:34: training.keep_checkpoints is 7 and was not set when the run began",
            outcome.Error,
            StringComparison.Ordinal);
        Assert.Contains("`--set training.keep_checkpoints=7` takes what is", outcome.Error, StringComparison.Ordinal);

        var steps = Step;
        var set = Resume(experiment, "--set", "training.keep_checkpoints=7", "--set", "training.epochs=2");
        Assert.Equal((0, "", 2 * steps), (set.ExitCode, set.Error, Step));
        var again = Resume(experiment);
        Assert.Equal((0, ""), (again.ExitCode, again.Error));
    }

    [Fact]
    public void Edit_that_makes_another_experiment_is_refused_and_the_runs_own_goes_on()
    {
        var experiment = Trained();
        Write("learning_rate: 0.002");
        var before = File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml"));

        var outcome = Resume(experiment);

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith(
            $"{experiment}:3:12: the experiment is not what the run was trained with: training.learning_rate is 0.002 and was 0.001; ",
            outcome.Error,
            StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml")));
        var own = Resume(Path.Combine(_work.Run, "experiment.yaml"));
        Assert.Equal((0, ""), (own.ExitCode, own.Error));
    }

    [Theory]
    [InlineData(
        "training.learning_rate=0.002",
        "the run was trained with training.learning_rate 0.001, and 0.002 would make another experiment of it")]
    [InlineData("training.seed=1", "the run was trained with training.seed not set, and 1 would")]
    [InlineData("data.positive_only=true", "the run was trained with data.positive_only not set, and true would")]
    public void Set_that_makes_another_experiment_is_refused(string set, string sentence)
    {
        var experiment = Trained();

        var outcome = Resume(experiment, "--set", set);

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith($"--set {set.Split('=')[0]}: {sentence}", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_without_the_record_is_told_so_and_goes_on()
    {
        var experiment = Trained();
        File.Delete(Path.Combine(_work.Run, "origin.json"));

        var outcome = Resume(experiment);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("the run has not recorded with which profile and --set it began", outcome.Error, StringComparison.Ordinal);
    }

    /// <summary>The first segment of all these runs.</summary>
    public sealed class Begun : IDisposable
    {
        private readonly Workspace _work = new();

        public Begun()
        {
            var outcome = _work.SmokeHere(Write(_work, Rate), "--set", "sampling.count=3");
            Assert.True(outcome.ExitCode == 0, outcome.Error);
        }

        public string Run => _work.Run;

        public void Dispose() => _work.Dispose();
    }
}
