using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>
/// <c>--dry-run</c> refuses what training would, and makes nothing; <c>describe</c> refuses a cohort that the command
/// line names and that is not there.
/// </summary>
public sealed class DryRunTests(OwnCohort own) : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Describe_refuses_a_cohort_of_the_command_line_that_is_not_there()
    {
        var outcome = _work.Here("describe", "exp1", "--set", "data.cohort=nowhere");

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.StartsWith("--set data.cohort: the cohort 'nowhere' does not exist", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_only_warns_of_a_cohort_of_the_file_that_is_not_there()
    {
        var file = _work.Write("mine.yaml", $"extends: {Repository.Root}/experiments/exp11.yaml\ndata: {{cohort: /of/another/machine}}\n");

        var outcome = _work.Here("describe", file, "--json");

        Assert.Equal(0, outcome.ExitCode);
        Assert.StartsWith($"warning: {file}:2:8: the cohort '/of/another/machine' does not exist", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train", false)]
    [InlineData("train", true)]
    [InlineData("run", false)]
    [InlineData("run", true)]
    public void Dry_run_says_what_would_be_done_and_makes_nothing(string verb, bool named)
    {
        string[] cohort = named ? ["--set", $"data.cohort={own.Cohort}"] : [];

        var outcome = _work.Here([verb, "exp11", "--profile", "smoke", "--run", _work.Run, "--dry-run", .. cohort]);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.StartsWith($"would train exp11 in {_work.Run}, 2 epochs on cpu", outcome.Out, StringComparison.Ordinal);
        Assert.Contains(
            named ? $"data: {own.Cohort}: train 2, val 1, test 1 patients" : "data: would be made of ",
            outcome.Out,
            StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.Run));
    }

    [Theory]
    [InlineData("data.cohort=/no/such/cohort", "--set data.cohort: the cohort '/no/such/cohort' does not exist")]
    [InlineData("training.batch_size=3", "--set training.batch_size: batch_size 3 is more than the 2 volumes")]
    [InlineData("evaluation.metrics=[{use: ssim, window: 33}]", "--set evaluation.metrics: `ssim` cannot be computed on volumes of")]
    public void Dry_run_refuses_what_training_would(string set, string sentence) =>
        Refused(
            sentence, "train", "exp11", "--profile", "smoke", "--set", $"data.cohort={own.Cohort}",
            "--set", set, "--run", _work.Run);

    [Fact]
    public void Dry_run_refuses_a_folder_that_cannot_be_made()
    {
        var file = _work.Write("file", "");

        Refused(
            $"{file}/run cannot be made a run's folder: {file} is a file", "train", "exp11", "--profile", "smoke", "--run", $"{file}/run");
    }

    [Fact]
    public void Dry_run_of_a_resume_compares_the_data_as_resume_does_and_records_nothing()
    {
        own.Copy("b", _work);
        string[] resume = ["train", "exp11", "--run", _work.At("b/run"), "--resume", "--set", $"data.cohort={_work.At("b/cohort")}"];
        var same = _work.Here([.. resume, "--dry-run"]);
        Directory.Delete(_work.At("b/cohort/val"), recursive: true);
        var recorded = File.ReadAllText(_work.At("b/run/provenance.json"));

        var allowed = _work.Here([.. resume, "--set", "evaluation.splits=[test]", "--allow-changed-data", "--dry-run"]);
        Refused("is not what the run was trained on: in val: removed ", resume);

        Assert.Equal((0, ""), (same.ExitCode, same.Error));
        Assert.StartsWith($"would continue exp11 in {_work.At("b/run")}", same.Out, StringComparison.Ordinal);
        Assert.Equal(0, allowed.ExitCode);
        Assert.StartsWith("warning: the run goes on with other data, in val: removed ", allowed.Error, StringComparison.Ordinal);
        Assert.Equal(recorded, File.ReadAllText(_work.At("b/run/provenance.json")));
    }

    [Fact]
    public void Dry_run_of_a_resume_says_where_the_run_would_go_on()
    {
        own.Copy("b", _work);
        var run = _work.At("b/run");
        string[] resume = ["train", "exp11", "--run", run, "--resume", "--dry-run", "--set", $"data.cohort={_work.At("b/cohort")}"];

        var done = _work.Here(resume);
        var longer = _work.Here([.. resume, "--set", "training.epochs=4"]);
        Directory.Delete(Path.Combine(run, "checkpoints"), recursive: true);
        var anew = _work.Here(resume);

        Assert.StartsWith(
            $"would continue exp11 in {run}, where nothing is left to do: 2 of 2 epochs are done; "
            + $"`train EXP --run {run} --resume --set training.epochs=4` would train on\n",
            done.Out, StringComparison.Ordinal);
        Assert.StartsWith($"would continue exp11 in {run} after step 4, in epoch 3 of 4 on cpu\n", longer.Out, StringComparison.Ordinal);
        Assert.StartsWith(
            $"would continue exp11 in {run}, which has no checkpoint yet, and would begin at epoch 1 of 2 on cpu\n",
            anew.Out,
            StringComparison.Ordinal);
        Assert.Equal((0, 0, 0), (done.ExitCode, longer.ExitCode, anew.ExitCode));
        Assert.False(Path.Exists(Path.Combine(run, "checkpoints")));
    }

    [Fact]
    public void Dry_run_of_a_resume_refuses_checkpoints_that_are_all_broken()
    {
        own.Copy("b", _work);
        foreach (var manifest in Directory.GetFiles(_work.At("b/run/checkpoints"), "manifest.json", SearchOption.AllDirectories))
            File.WriteAllText(manifest, "{");

        var outcome = _work.Here(
            "train", "exp11", "--run", _work.At("b/run"), "--resume", "--dry-run", "--set", $"data.cohort={_work.At("b/cohort")}");

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.Contains($"{_work.At("b/run")} has checkpoints and none of them can be read", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Changed_data_are_allowed_of_a_run_that_goes_on_alone() =>
        Refused(
            "--allow-changed-data goes with --resume: ", "train", "exp11", "--profile", "smoke",
            "--allow-changed-data", "--run", _work.Run);

    [Theory]
    [InlineData("exp1", "training.batch_size=4096", "GiB estimated for training ")]
    // as many checkpoints of as large a network as no disk holds
    [InlineData("exp11", "architecture={channels: [1024, 1024, 1024, 1024, 1024], norm_num_groups: 32}", "GiB of checkpoints, and ")]
    public void What_the_machine_lacks_is_of_no_line_of_the_file(string id, string set, string sentence)
    {
        string[] much = set.StartsWith("arch", StringComparison.Ordinal)
            ? ["--set", "training.check_memory=false", "--set", "training.keep_checkpoints=1000"]
            : [];

        var outcome = _work.Here(["train", id, "--profile", "smoke", "--dry-run", "--run", _work.Run, "--set", set, .. much]);

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.Matches($"^[0-9.]+ {sentence}", outcome.Error);
    }

    [Fact]
    public void Dry_run_refuses_a_folder_of_latents_that_is_somebody_elses()
    {
        _work.Write("mine/notes.txt", "mine");

        Refused(
            $"--set data.latents: {_work.At("mine")} holds notes.txt, which is none of a folder of latents",
            "train", "exp9_1", "--profile", "smoke", "--set", $"data.latents={_work.At("mine")}", "--run", _work.Run);
    }

    private void Refused(string sentence, params string[] arguments)
    {
        var outcome = _work.Here([.. arguments, "--dry-run"]);

        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.False(Path.Exists(_work.Run));
    }
}
