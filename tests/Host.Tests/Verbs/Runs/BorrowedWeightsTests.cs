using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>A diffusion experiment uses a compressor that another run trained, and latents that were computed before.</summary>
public sealed class BorrowedWeightsTests(BorrowedWeightsTests.TrainedCompressor lender)
    : IClassFixture<BorrowedWeightsTests.TrainedCompressor>, IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private VoxelZooProgram.Outcome Train(params string[] more) =>
        _work.Here(["train", "exp9_1", "--run", _work.Run, .. OnLender, .. more]);

    private string[] OnLender =>
    [
        "--profile", "smoke", "--set", "data.synthesize=null", "--set", $"data.cohort={lender.Cohort}",
        "--set", $"compressor.from={lender.Run}", "--set", "compressor.train_first=null",
    ];

    private static JsonNode Json(params string[] path) => JsonNode.Parse(File.ReadAllText(Path.Combine(path)))!;

    [Fact]
    public void Run_keeps_the_borrowed_weights_with_where_they_are_from_and_needs_the_lender_no_more()
    {
        var outcome = Train();

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var frozen = Assert.Single(Json(_work.Run, "frozen", "frozen.json").AsArray())!;
        Assert.Equal(
            ("compressor", lender.Run, "compressor"), ((string?)frozen["name"], (string?)frozen["run"], (string?)frozen["component"]));
        var best = File.ReadAllText(Path.Combine(lender.Run, "checkpoints", "best")).Trim();
        var manifest = Json(lender.Run, "checkpoints", best, "manifest.json");
        Assert.Equal((string?)manifest["files"]!["compressor.safetensors"]!["sha256"], (string?)frozen["sha256"]);

        // the experiment still names the lender, but sampling looks into the run's own folder
        var yaml = Path.Combine(_work.Run, "experiment.yaml");
        File.WriteAllText(yaml, Regex.Replace(File.ReadAllText(yaml), "(?m)^  from: .*$", "  from: /gone"));
        Workspace.Seal(_work.Run);
        Assert.Equal(0, _work.Here("sample", _work.Run, "--out", _work.At("samples")).ExitCode);
    }

    [Fact]
    public void What_was_trained_first_stays_when_the_run_itself_is_refused()
    {
        string[] experiment = ["train", "exp9_1", "--run", _work.Run, "--profile", "smoke"];
        var manifest = _work.Write("latents/manifest.json", "not a manifest");
        var refused = _work.Here([.. experiment, "--set", $"data.latents={_work.At("latents")}"]);

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains($"{manifest} cannot be read", refused.Error, StringComparison.Ordinal);
        Directory.Delete(_work.At("latents"), recursive: true);
        var resumed = _work.Here([.. experiment, "--resume"]);
        Assert.Equal(0, resumed.ExitCode);
        Assert.DoesNotContain("first:", resumed.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_that_is_too_large_is_refused_before_anything_is_trained_first()
    {
        var refused = _work.Here("train", "exp9_1", "--run", _work.Run, "--profile", "smoke", "--set", "training.batch_size=50");

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("batch_size 50 is more than the 2 volumes", refused.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.Run));
    }

    [Fact]
    public void Compressor_of_other_options_is_refused_by_the_option()
    {
        var outcome = Train("--set", "compressor.num_embeddings=17");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("was trained with num_embeddings 16, here it is 17", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.Run));
    }

    [Fact]
    public void Run_of_something_else_is_refused()
    {
        Assert.Equal(0, Train().ExitCode);

        var outcome = _work.Here(
            [
                "train", "exp9_1", "--run", _work.At("other"), "--profile", "smoke", "--set", $"compressor.from={_work.Run}",
                "--set", "compressor.train_first=null",
            ]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains($"{_work.Run} is not a run that trained a compressor", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.At("other")));
    }

    [Fact]
    public void Latents_prepared_in_advance_are_used_and_refused_when_stale()
    {
        var latents = _work.At("latents");
        var prepared = _work.Here(["data", "prepare", "exp9_1", "--out", latents, .. OnLender]);
        Assert.Equal((0, ""), (prepared.ExitCode, prepared.Error));
        var before = File.GetLastWriteTimeUtc(Path.Combine(latents, "manifest.json"));

        Assert.Equal(0, Train("--set", $"data.latents={latents}").ExitCode);
        Assert.Equal(before, File.GetLastWriteTimeUtc(Path.Combine(latents, "manifest.json")));
        Assert.False(Directory.Exists(Path.Combine(_work.Run, "latents")));

        var stale = _work.Here(
            ["train", "exp9_1", "--run", _work.At("stale"), .. OnLender, "--set", $"data.latents={latents}", "--set", "data.seg_rule=any"]);
        Assert.Equal(2, stale.ExitCode);
        Assert.StartsWith("--set data.latents: ", stale.Error, StringComparison.Ordinal);
        Assert.Contains("stale: their preparation is", stale.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.At("stale")));
    }

    [Fact]
    public void Nothing_to_prepare_is_refused()
    {
        var outcome = _work.Here("data", "prepare", "exp1", "--out", _work.At("latents"));

        Assert.Equal(
            (2, "exp1 diffuses no latents of a learned compressor, so there is nothing to prepare; train it as it is\n"),
            (outcome.ExitCode, outcome.Error));
        Assert.False(Directory.Exists(_work.At("latents")));
    }

    /// <summary>One run of vqvae_4x for all tests.</summary>
    public sealed class TrainedCompressor : IDisposable
    {
        private readonly Workspace _work = new();

        public TrainedCompressor() => _work.Trained("vqvae_4x");

        public string Run => _work.Run;

        public string Cohort => Path.Combine(Run, "cohort");

        public void Dispose() => _work.Dispose();
    }
}
