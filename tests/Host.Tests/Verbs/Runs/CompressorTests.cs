using System.Text.Json.Nodes;
using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>The experiments that train compressors: what they describe, and one of each kind through the program.</summary>
public sealed class CompressorTests : IDisposable
{
    private static readonly string Folder = Path.Combine(Repository.Root, "experiments");

    private readonly Workspace _work = new();

    public static TheoryData<string, long, int[]> All => new()
    {
        // counts and latents of the models as the original and its papers have them
        { "vqvae_4x", 5_512_069, [1, 4, 40, 64, 64] },
        { "vqvae_8x", 44_515_589, [1, 4, 20, 32, 32] },
        { "kl_8x", 13_348_872, [1, 3, 20, 32, 32] },
        { "dcae_f32", 362_889_313, [1, 32, 160, 8, 8] },
        { "dcae_f64", 518_035_905, [1, 128, 160, 4, 4] },
        { "dcae_f128", 678_491_201, [1, 512, 160, 2, 2] },
        { "dcae_f32_1_5", 362_889_313, [1, 32, 160, 8, 8] },
        { "dcae_f64_1_5", 518_035_905, [1, 128, 160, 4, 4] },
        { "dcae_f128_1_5", 678_491_201, [1, 512, 160, 2, 2] },
        { "dcae_seg_f32", 362_889_313, [1, 32, 160, 8, 8] },
        { "dcae_seg_f64", 518_035_905, [1, 128, 160, 4, 4] },
        { "dcae_seg_f128", 678_491_201, [1, 512, 160, 2, 2] },
        { "dcae3d", 208_524_497, [1, 32, 40, 8, 8] },
    };

    public static IEnumerable<string> Ids => All.Select(row => row.Data.Item1);

    public void Dispose() => _work.Dispose();

    [Theory]
    [MemberData(nameof(All))]
    public void Description_has_count_and_latent(string id, long parameters, int[] latent)
    {
        var found = Describe(id);

        Assert.Equal((0, 0, parameters), Counts(found));
        Assert.Equal(latent, found["latent_shape"]!.AsArray().Select(n => (int)n!));
        Assert.Equal([1, 1, 160, 256, 256], found["input_shape"]!.AsArray().Select(n => (int)n!));
        var expected = (ScalarNode)ExperimentFile.Load(Path.Combine(Folder, $"{id}.yaml"))["expect"]!["parameters"]!;
        Assert.Equal(parameters, CoreSchema.Integer(expected.Text));
        Assert.Null(found["architecture"]);
        Assert.Null(found["strategy"]);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Smoke_profile_fits_and_has_a_small_network(string id, long parameters, int[] latent)
    {
        var found = Describe(id, "--profile", "smoke");

        Assert.InRange(Counts(found).Compressor, 1, Math.Min(200_000, parameters / 10));
        Assert.Equal(latent.Length, found["latent_shape"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("vqvae_4x", 16, true)]
    [InlineData("kl_8x", 16, true)]
    [InlineData("dcae_f32", 16, true)]
    [InlineData("dcae_f32_1_5", 16, false)]
    [InlineData("dcae_seg_f32", 4, false)]
    [InlineData("dcae3d", 16, false)]
    public void Smoke_profile_trains_samples_evaluates_and_reports(string id, int steps, bool judged)
    {
        var outcome = _work.Here("run", id, "--profile", "smoke", "--run", _work.Run);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var status = Json("status.json");
        Assert.Equal(("completed", 2, steps), ((string?)status["status"], (int)status["epoch"]!, (int)status["step"]!));
        string[] expected = judged
            ? ["compressor", "discriminator", "discriminator_optimizer", "optimizer"]
            : ["compressor", "optimizer"];
        Assert.Equal(
            expected,
            Directory.GetFiles(_work.At($"run/checkpoints/step-{steps:D8}"), "*.safetensors")
                .Select(f => Path.GetFileNameWithoutExtension(f)).Order());
        var evaluation = Json("evaluation.json");
        var result = evaluation["results"]![0]!;
        Assert.Equal(
            (id, "compressor", "psnr"),
            ((string?)evaluation["experiment"], (string?)result["weights"], (string?)result["metrics"]![0]!["metric"]));
        var kind = id.Contains("seg", StringComparison.Ordinal) ? "seg" : "bravo";
        Assert.Equal($"test_000/{kind}", (string?)Json("samples/00000/sample.json")["volume"]);
        Assert.True(File.Exists(_work.At($"run/samples/00000/{kind}.nii.gz")));
        Assert.Contains($"# {id}: ", File.ReadAllText(_work.At("run/report.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Verbs_on_a_run_know_its_kind()
    {
        _work.Trained("vqvae_4x");

        Assert.Contains("reconstruction of test_000/flair", _work.Here("sample", _work.Run, "--count", "2").Out, StringComparison.Ordinal);
        var results = JsonNode.Parse(_work.Here(
            "evaluate", _work.Run, "--split", "train", "--split", "test", "--checkpoint", "latest", "--json").Out)!["results"]!.AsArray();
        Assert.Equal(["train", "test"], results.Select(result => (string?)result!["split"]));
        Assert.Equal(4, (int)results[1]!["volumes"]!);
        Assert.All(results, result => Assert.Equal("latest", (string?)result!["checkpoints"]!.AsArray().Single()));
        Assert.Equal(0, _work.Here("report", _work.Run).ExitCode);
        var refused = _work.Here("sample", _work.Run, "--guidance", "2");
        Assert.Equal(2, refused.ExitCode);
        Assert.StartsWith("--guidance: unknown key `guidance`", refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vqvae_4x", "loss/codebook", "perplexity", "usage")]
    [InlineData("kl_8x", "loss/kl", "sigma")]
    public void Losses_and_measures_of_the_compressors_own_are_logged_at_each_step(string id, params string[] names)
    {
        _work.Trained(id);

        var first = JsonNode.Parse(File.ReadLines(_work.At("run/metrics.jsonl")).First())!["measures"]!.AsObject();
        Assert.Superset(names.Append("loss/l1").ToHashSet(), first.Select(m => m.Key).ToHashSet());
    }

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void Images_are_trained_with_all_losses_at_once(string precision)
    {
        var network = TorchScriptFile.Write(_work.At("network.pt"), "return torch.cat([x, torch.mul(x, x)], 1)");

        var outcome = _work.Smoke( // a network of others' is tried in a process of its own
            "vqvae_4x", "--set", $"training.precision={precision}", "--set", $"training.perceptual.network={network}",
            "--set", "training.crop=[24, 32, 24]",
            "--set", "training.phases=[{epochs: 2, losses: {l1: 1, l2: 1, perceptual: 0.1, codebook: 1, adversarial: 0.1}}]");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.NotNull(Json("provenance.json")["files"]![network]);
    }

    [Fact]
    public void Resume_adds_a_phase()
    {
        Assert.Equal(0, _work.SmokeHere("vqvae_4x", "--set", "training.phases=[{epochs: 1, losses: {l1: 1, codebook: 1}}]").ExitCode);

        var outcome = _work.SmokeHere(
            "vqvae_4x", "--resume", "--set",
            "training.phases=[{epochs: 1, losses: {l1: 1, codebook: 1}}, {epochs: 1, losses: {l2: 1, codebook: 1}}]");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.Contains("continuing after step 8", outcome.Out, StringComparison.Ordinal);
        Assert.Equal(16, (int)Json("status.json")["step"]!);
    }

    [Fact]
    public void Listing_shows_that_there_is_no_architecture()
    {
        var entry = JsonNode.Parse(_work.Here("experiments", "--json").Out)!.AsArray().Single(e => (string?)e!["id"] == "vqvae_4x")!;

        Assert.Null(entry["architecture"]);
        Assert.Equal(("vqvae", null), ((string?)entry["compressor"], (string?)entry["error"]));
        var line = _work.Here("experiments").Out.Split('\n').Single(l => l.Contains(" vqvae_4x ", StringComparison.Ordinal));
        Assert.Equal(
            ["vqvae_4x", "VQ-VAE 4x, images", "-", "vqvae", "-", "bravo, flair, t1_pre, t1_gd"],
            line.Split('│').Select(cell => cell.Trim()));
    }

    private static (int, int, long Compressor) Counts(JsonNode description)
    {
        var counts = description["parameters"]!;
        return ((int)counts["denoiser"]!, (int)counts["conditioning"]!, (long)counts["compressor"]!);
    }

    private JsonNode Describe(string id, params string[] more) => JsonNode.Parse(_work.Here(["describe", id, "--json", .. more]).Out)!;

    private JsonNode Json(string name) => JsonNode.Parse(File.ReadAllText(_work.At(Path.Combine("run", name))))!;
}
