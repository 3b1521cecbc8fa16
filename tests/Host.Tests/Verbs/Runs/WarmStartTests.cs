using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary><c>training.from</c>: a denoiser is trained on from another run's weights, or those of a file.</summary>
public sealed class WarmStartTests : IDisposable
{
    // too small to change the weights: so the first validation is that of what training started from
    private static readonly string[] Standing =
    [
        "--set", "training.epochs=1", "--set", "training.learning_rate=1e-12", "--set", "training.min_learning_rate=0",
    ];

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Loss_goes_on_where_that_of_the_run_or_file_ended()
    {
        _work.Trained("exp1");
        var ended = Best(_work.Run);

        Done(
            [
                "train", "exp1_chained", "--profile", "smoke", "--run", _work.At("chained"), "--set",
                $"training.from={_work.Run}", .. Standing,
            ]);
        Assert.Equal(ended, Best(_work.At("chained")), 1e-6);
        Done("report", _work.At("chained"));
        Assert.Matches($@"\| start from \| {Regex.Escape(_work.Run)}, step-\d+, \w+ \|", File.ReadAllText(_work.At("chained/report.md")));
        File.Delete(_work.At("chained/frozen/start.safetensors"));
        var lost = _work.Here("train", "exp1_chained", "--run", _work.At("chained"), "--resume", "--set", "training.epochs=2");
        Assert.Equal(2, lost.ExitCode);
        Assert.StartsWith($"{_work.At("chained/frozen/start.safetensors")} is not there, which ", lost.Error, StringComparison.Ordinal);

        var best = Path.Combine(_work.Run, "checkpoints", File.ReadAllText(Path.Combine(_work.Run, "checkpoints", "best")).Trim());
        Done(
            [
                "train", "exp1", "--profile", "smoke", "--run", _work.At("file"), "--set",
                $"training.from={best}/denoiser.safetensors", .. Standing,
            ]);
        Assert.Equal(ended, Best(_work.At("file")), 1e-6);

        // with moments, and resumed without the other run
        string[] moments =
        [
            "train", "exp1", "--profile", "smoke", "--run", _work.At("moments"), "--set", $"training.from={_work.Run}", "--set",
            "training.from_optimizer=true",
        ];
        Done(moments);
        var frozen = JsonNode.Parse(File.ReadAllText(Path.Combine(_work.At("moments"), "frozen", "frozen.json")))!.AsArray();
        Assert.Equal(["start_optimizer", "start"], frozen.Select(part => (string)part!["name"]!));
        // a run that lost some weights is told which, and not to be trained first
        foreach (var weights in Directory.GetFiles(
            Path.Combine(_work.Run, "checkpoints"), "denoiser.safetensors", SearchOption.AllDirectories))
            File.Delete(weights);
        var damaged = _work.Here(
            "train", "exp1", "--profile", "smoke", "--run", _work.At("damaged"), "--set", $"training.from={_work.Run}");
        Assert.Equal(2, damaged.ExitCode);
        Assert.Contains("has no checkpoint that can be read; restore what it lost (", damaged.Error, StringComparison.Ordinal);
        Assert.Contains("denoiser.safetensors", damaged.Error, StringComparison.Ordinal);
        Directory.Delete(_work.Run, recursive: true);
        Done([.. moments, "--resume", "--set", "training.epochs=3"]);
    }

    [Fact]
    public void Network_of_convolutions_starts_at_another_resolution_and_one_that_is_bound_to_its_grid_is_refused()
    {
        _work.Trained("exp1");
        string[] larger = ["--set", "data.height=64", "--set", "data.synthesize.height=64"];
        Done(["train", "exp1", "--profile", "smoke", "--run", _work.At("larger"), "--set", $"training.from={_work.Run}", .. larger]);

        _work.Trained("exp7", "dit");
        var refused = _work.Here(
            [
                "train", "exp7", "--profile", "smoke", "--run", _work.At("larger_dit"), "--set",
                $"training.from={_work.At("dit")}", .. larger,
            ]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("1 of another shape (pos", refused.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("larger_dit")));

        // nor is a network of other options taken, though its weights would fit
        var other = _work.Here("train", "exp7", "--profile", "smoke", "--run", _work.At("other"), "--set", $"training.from={_work.Run}");
        Assert.Contains($"{_work.Run} trained `unet3d`, not `dit`; name another run", other.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("training.from=nowhere", "training.from: there is no run `nowhere`")]
    [InlineData("training.from=nowhere.safetensors", "training.from: there is no file `nowhere.safetensors`")]
    [InlineData("training.from=README.md", "training.from: README.md is a file and none of safetensors; name a run's folder")]
    [InlineData(
        "training.from_optimizer=true", "--set training.from_optimizer: from_optimizer says what is taken of the run that from names")]
    [InlineData("training.from_weights=raw", "--set training.from_weights: from_weights says")]
    [InlineData("training.from_checkpoint=latest", "--set training.from_checkpoint: from_checkpoint says")]
    public void What_is_nowhere_is_refused_before_anything_is_made(string set, string sentence)
    {
        var refused = _work.SmokeHere(
            "exp1", "--set", set.Replace("README.md", Path.Combine(Repository.Root, "README.md"), StringComparison.Ordinal));

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(
            sentence.Replace("README.md", Path.Combine(Repository.Root, "README.md"), StringComparison.Ordinal),
            refused.Error,
            StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.Run));
    }

    [Fact]
    public void Chained_experiment_of_the_original_goes_on_from_exp1()
    {
        var refused = _work.Here("train", "exp1_chained", "--run", _work.Run, "--set", "data.cohort=/no/such", "--dry-run");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("there is no run `exp1`", refused.Error, StringComparison.Ordinal);
    }

    private void Done(params string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    private static double Best(string run) => (double)JsonNode.Parse(File.ReadAllText(Path.Combine(run, "status.json")))!["best"]!["loss"]!;
}
