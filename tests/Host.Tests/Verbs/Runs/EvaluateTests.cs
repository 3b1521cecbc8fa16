using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary><c>evaluate</c> and <c>metric</c>, through the program.</summary>
public sealed class EvaluateTests : IDisposable
{
    private const string Sets = "evaluation.metrics=[psnr, {use: kid, extractor: scattering, subset_size: all}]";

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Both_checkpoints_are_measured_on_both_splits_and_generate_volumes()
    {
        _work.Trained("exp1");
        var one = _work.Here("evaluate", _work.Run, "--set", Sets, "--set", "evaluation.generate={count: 1, steps: 1}");
        Assert.Equal((2, false), (one.ExitCode, File.Exists(_work.At("run/evaluation.json"))));
        Assert.Contains("`kid` has no value of 1 generated volume: ", one.Error, StringComparison.Ordinal);
        var idle = _work.Here(
            "evaluate", _work.Run, "--set", "evaluation.metrics=[psnr]", "--set", "evaluation.pooled=true",
            "--set", "evaluation.floor=true");
        Assert.Equal(0, idle.ExitCode);
        Assert.Contains(
            "evaluation.pooled and evaluation.floor are of metrics of sets, and evaluation.metrics names none",
            idle.Error, StringComparison.Ordinal);

        var outcome = _work.Here(
            "evaluate", _work.Run, "--set", Sets, "--set", "evaluation.generate={count: 2, steps: 1, seed: 7}", "--json");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var file = JsonNode.Parse(outcome.Out)!;
        Assert.True(JsonNode.DeepEquals(file, JsonNode.Parse(File.ReadAllText(_work.At("run/evaluation.json")))));
        var names = file["results"]!.AsArray()
            .Select(r => (string.Join("=", r!["checkpoints"]!.AsArray().Select(n => (string?)n)), (string?)r["split"])).ToArray();
        Assert.Contains(names.Length, new[] { 2, 4 });
        Assert.All(names.Select(name => name.Item2).Chunk(2), splits => Assert.Equal(["test", "val"], splits));
        var generated = file["generated"]![0]!;
        Assert.Equal(("generate", 2, 7L), ((string?)generated["source"], (int)generated["volumes"]!, (long)generated["seed"]!));
        Assert.Equal(["train", "test", "val"], generated["metrics"]!.AsArray().Select(m => (string?)m!["against"]));
        Assert.StartsWith("scattering", (string?)generated["metrics"]![0]!["extractor"], StringComparison.Ordinal);
        Assert.Equal(0, _work.Here("report", _work.Run).ExitCode);
        Assert.Contains("## Generated volumes of ", File.ReadAllText(_work.At("run/report.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Metric_without_its_file_is_left_out_by_name_where_it_is_optional_and_real_volumes_are_compared_too()
    {
        const string Optional = "evaluation.metrics=[{use: kid, extractor: scattering, subset_size: all}, {use: fid, extractor: "
            + "no.safetensors, optional: true}]";
        const string Sentence = "warning: `fid` is left out, because there is no file no.safetensors; "
            + "`features export` makes files of features, and `evaluate` asks again\n";
        var asked = _work.SmokeHere("exp1", "--dry-run", "--set", Optional);
        Assert.Equal((0, Sentence), (asked.ExitCode, asked.Error));
        _work.Trained("exp1");

        var outcome = _work.Here(
            "evaluate", _work.Run, "--set", Optional, "--set", "evaluation.generate={count: 2, steps: 1}", "--set",
            "evaluation.pooled=true", "--set", "evaluation.floor=true", "--split", "test", "--json");

        Assert.Equal((0, Sentence), (outcome.ExitCode, outcome.Error));
        var file = JsonNode.Parse(outcome.Out)!;
        Assert.Equal("fid", (string?)file["left_out"]!.AsArray().Single()!["metric"]);
        Assert.Equal(
            [("train", 2), ("test", 1), ("all", 4)],
            file["generated"]![0]!["metrics"]!.AsArray().Select(m => ((string?)m!["against"], (int)m["real_volumes"]!)));
        Assert.Equal(("test", "train"), ((string?)file["floor"]![0]!["of"], (string?)file["floor"]![0]!["against"]));
        Assert.Equal(0, _work.Here("report", _work.Run).ExitCode);
        var report = File.ReadAllText(_work.At("run/report.md"));
        Assert.Contains("The floor: ", report, StringComparison.Ordinal);
        Assert.Contains("`fid` is left out, because there is no file no.safetensors", report, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evaluation.metrics=[kid]", "`kid` compares features, and an evaluation has volumes; set its extractor")]
    [InlineData("evaluation.metrics=[{use: kid, extractor: no.pt}]", "there is no file no.pt, which `kid` names")]
    [InlineData("evaluation.generate={count: 2}", "generate makes volumes that no metric would judge")]
    [InlineData("evaluation.generate=2", "`generate` is ")]
    [InlineData("evaluation.generate={cuont: 2}", "unknown key `cuont`; did you mean `count`?")]
    public void Sets_that_cannot_be_compared_are_refused_before_training(string set, string sentence)
    {
        var outcome = _work.SmokeHere("exp1", "--set", set);

        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Equal(2, outcome.ExitCode);
        Assert.False(Path.Exists(_work.Run));
    }

    [Fact]
    public void Network_that_ends_the_process_is_refused_by_metric_and_before_training()
    {
        var network = TorchScriptFile.Write(_work.At("network.pt"), "return torch.no_such_operator(x)");
        using (var scope = torch.NewDisposeScope())
            SafetensorsFile.Write(
                _work.At("in.safetensors"), [new("reference", torch.zeros(2, 1, 16, 16)), new("generated", torch.zeros(2, 1, 16, 16))]);

        foreach (var outcome in new[]
        {
            _work.Here("metric", "fid", "--inputs", _work.At("in.safetensors"), "--set", $"extractor={network}"),
            _work.Smoke("exp1", "--set", $"evaluation.metrics=[{{use: fid, extractor: {network}}}]"),
        })
        {
            Assert.Contains($"{network} holds code that this libtorch cannot compile", outcome.Error, StringComparison.Ordinal);
            Assert.Equal(2, outcome.ExitCode);
        }
    }
}
