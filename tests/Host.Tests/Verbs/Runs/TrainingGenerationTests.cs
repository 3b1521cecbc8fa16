using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>
/// Volumes that are generated and measured while a run is trained, from an experiment's file to every verb that knows of the best of them.
/// </summary>
public sealed class TrainingGenerationTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private static string Hash(string run) => string.Concat(
        Directory.GetFiles(
            Path.Combine(run, "checkpoints", File.ReadAllText(Path.Combine(run, "checkpoints", "latest")).Trim()),
            "*.safetensors").Order(StringComparer.Ordinal)
            .Select(file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))));

    [Fact]
    public void Best_generation_is_measured_named_sampled_and_evaluated_and_changes_nothing()
    {
        string[] generating = ["--set", "training.generation={every: 1, count: 2, steps: 2}"];
        var with = _work.Smoke("exp1", generating);
        var without = _work.Program(
            "train", "exp1", "--profile", "smoke", "--run", _work.At("without"), "--set",
            $"data.cohort={_work.At("run/cohort")}", "--set", "data.synthesize=");

        Assert.True(with.ExitCode == 0 && without.ExitCode == 0, with.Error + without.Error);
        Assert.Equal(Hash(_work.At("without")), Hash(_work.Run));
        Assert.Matches(new Regex(@"epoch 1/2 .*  kid -?[0-9.E-]+ \(best generation\)"), with.Out);
        var epoch = JsonNode.Parse(File.ReadLines(_work.At("run/metrics.jsonl")).Last())!;
        // one patient is in val, and one volume is no set
        string[] expected = ["Estimate/ms_ssim", "Estimate/psnr", "Generation/kid_train"];
        Assert.All(expected, name => Assert.NotNull(epoch["measures"]![name]));
        var best = JsonNode.Parse(File.ReadAllText(_work.At("run/status.json")))!["best_generation"]!;
        Assert.StartsWith("kid against train of 2 volumes by euler", (string?)best["measure"], StringComparison.Ordinal);
        Assert.True(File.Exists(_work.At("run/checkpoints/best_generation")));

        var sampled = _work.Here("sample", _work.Run, "--checkpoint", "best_generation", "--count", "1");
        var evaluated = _work.Here("evaluate", _work.Run, "--checkpoint", "best_generation", "--json");
        var reported = _work.Here("report", _work.Run);
        var tabulated = _work.Here("report", _work.Run, "--out", _work.At("many.md"));

        Assert.True(
            sampled.ExitCode == 0 && evaluated.ExitCode == 0 && reported.ExitCode == 0, sampled.Error + evaluated.Error + reported.Error);
        Assert.Equal("best_generation", (string?)JsonNode.Parse(evaluated.Out)!["results"]![0]!["checkpoints"]![0]);

        // what is chosen after training has nothing to do with what was generated meanwhile
        var chosen = _work.Here(
            "sample", _work.Run, "--count", "1", "--solver", "bosh3", "--set", "sampling.rtol=0.5", "--set", "sampling.atol=0.5");
        Assert.True(chosen.ExitCode == 0, chosen.Error);
        Assert.Contains("## Generated while training", File.ReadAllText(_work.At("run/report.md")), StringComparison.Ordinal);
        Assert.Contains("| best generation | ", File.ReadAllText(_work.At("run/report.md")), StringComparison.Ordinal);

        Assert.True(tabulated.ExitCode == 0, tabulated.Error);
        Assert.Contains("**Generated while training**", File.ReadAllText(_work.At("many.md")), StringComparison.Ordinal);

        // it may change while a run goes on, as it moves no weight
        var longer = _work.Here(
            "train", "exp1", "--run", _work.Run, "--resume", "--set", "training.epochs=3", "--set", "training.generation.count=3");
        Assert.True(longer.ExitCode == 0, longer.Error);
        Assert.Contains("the best is looked for anew", longer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{every: 0}", "`every` is 0, must be at least 1")]
    [InlineData("{evry: 1}", "unknown key `evry`; did you mean `every`?")]
    [InlineData("{every: 1, metrics: [psnr]}", "generated volumes have no real ones of their own")]
    [InlineData("{every: 1, metrics: [{use: kid}]}", "set its extractor")]
    [InlineData("{every: 1, use: diffrs}", "samples one under training")]
    [InlineData("{every: 1, split: test}", "expected one of train, val")]
    [InlineData("{every: 1, guidance: 3}", "needs predictions without the condition")]
    [InlineData("{every: 1, guidance: 3, guidance_checkpoint: latest}", "no other")]
    [InlineData("{every: 1, ema_length: 0.1}", "after training")]
    [InlineData("often", "expected a section such as")]
    public void What_cannot_be_generated_or_measured_is_refused_before_training(string value, string sentence)
    {
        var outcome = _work.SmokeHere("exp1", "--set", $"training.generation={value}");

        Assert.True(outcome.ExitCode == 2, outcome.Error);
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Contains("training.generation", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.Run));
    }

    [Fact]
    public void Generation_in_training_leaves_what_is_chosen_after_it_to_sampling()
    {
        var outcome = _work.Here(
            "describe", "exp1", "--profile", "smoke", "--json", "--set", "training.generation.every=5", "--set",
            "training.ema_lengths=[0.05]",
            "--set", "sampling.ema_length=0.05", "--set", "sampling.guidance=2", "--set", "sampling.guidance_checkpoint=latest");

        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    [Fact]
    public void Length_of_an_average_that_training_does_not_keep_is_refused_before_it()
    {
        var outcome = _work.SmokeHere("exp1", "--set", "sampling.ema_length=0.05");

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("--set sampling.ema_length: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("training.ema_lengths", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.Run));
    }

    [Fact]
    public void Description_says_what_is_generated()
    {
        var outcome = _work.Here("describe", "exp1", "--profile", "smoke", "--json", "--set", "training.generation.every=5");

        var generation = JsonNode.Parse(outcome.Out)!["generation"]!;
        Assert.Equal((5, 4, "euler"), ((int)generation["every"]!, (int)generation["count"]!, (string?)generation["sampler"]));
        Assert.Equal("kid", (string?)generation["metrics"]![0]);
    }

    // what the evaluation does without is not missed while training either
    [Theory]
    [InlineData("{use: cmmd, extractor: nowhere.safetensors, optional: true}", "kid")]
    [InlineData("{use: cmmd, extractor: scattering}", "cmmd")]
    public void Metrics_that_may_be_left_out_are(string metric, string expected)
    {
        var outcome = _work.Here(
            "describe", "exp1", "--profile", "smoke", "--json", "--set", $"evaluation.metrics=[{metric}]", "--set",
            "training.generation.every=5");

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal([expected], JsonNode.Parse(outcome.Out)!["generation"]!["metrics"]!.AsArray().Select(each => (string?)each));
    }
}
