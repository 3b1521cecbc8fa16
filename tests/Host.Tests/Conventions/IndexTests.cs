using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Tests.Verbs.Runs;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>The files of <c>experiments/</c> against the index, which gives shapes, channels and exact counts for each.</summary>
public sealed class IndexTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "experiments");

    private static readonly JsonArray Index =
        JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests/Reference/experiments.json")))!["experiments"]!.AsArray();

    private static readonly PartRegistry Registry =
        new(PluginCatalogue.Read([Repository.Plugins]), [new IdentityCompressor()]);

    public static TheoryData<string> Originals => [.. Index.Select(row => (string)row!["id"]!)];

    public static TheoryData<string> Repaired => ["exp2", "exp2b", "exp2c", "exp9_4x", "exp9_8x", "exp11", "exp11_1", "exp12", "exp12_1"];

    /// <summary>Repaired siblings of a sensible size.</summary>
    public static TheoryData<string> Small => ["exp9_4x", "exp11", "exp12"];

    /// <summary>
    /// Every experiment of diffusion: those of the index, their repaired siblings of both sizes, and one that is
    /// trained four times as long.
    /// </summary>
    public static TheoryData<string> All =>
        [
            .. Originals.Select(row => row.Data),
            .. Repaired.Select(row => row.Data + "_fixed"),
            .. Small.Select(row => row.Data + "_small"),
            "exp7_2000",
        ];

    /// <summary>The small ones of docs/zoo.md.</summary>
    private static readonly string[] Zoo =
    [
        "head_unet", "head_wavelet", "masks", "pixel_unet", "pixel_dit", "haar_wdm", "vqvae", "vqvae_unet", "dcae", "dcae_dit",
    ];

    [Fact]
    public void Folder_holds_the_experiments_that_are_tested_here() =>
        Assert.Equal(
            All.Select(row => row.Data).Concat(CompressorTests.Ids).Concat(Zoo).Append("quickstart").Order(StringComparer.Ordinal),
            ExperimentFolder.List(Folder).Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Originals))]
    public void Description_is_the_row_of_the_index(string id)
    {
        var row = Index.Single(r => (string?)r!["id"] == id)!.AsObject();

        var found = Describe(id);

        foreach (var (key, value) in row.Where(field => field.Key != "parameters"))
            Assert.Equal(value!.ToJsonString(), found[key]?.ToJsonString());
        foreach (var (key, value) in row["parameters"]!.AsObject().Where(count => count.Value is not null)) // null is any
            Assert.Equal(value?.ToJsonString(), found["parameters"]![key]?.ToJsonString());
    }

    [Theory]
    [MemberData(nameof(Repaired))]
    public void Repaired_experiment_differs_from_its_original_by_how_it_learns_alone(string id)
    {
        var (original, repaired) = (Read(id), Read($"{id}_fixed"));

        var training = original.Plan.Training with { LearningRate = 5e-5, WarmupEpochs = 10, GradientClipNorm = 0.5 };
        Assert.Equal(training, repaired.Plan.Training);
        foreach (var section in new[] { "data", "target", "condition", "compressor", "architecture", "sampling", "evaluation", "expect" })
            Assert.Equal(Text(original.File, section), Text(repaired.File, section));
        Assert.Equal(("volume", "latent"), (TransformBase(original.File), TransformBase(repaired.File)));
        var prediction = (ScalarNode)repaired.File["strategy"]!["prediction"]!;
        Assert.Equal(id.StartsWith("exp12", StringComparison.Ordinal) ? "sample" : "velocity", prediction.Text);
    }

    [Theory]
    [MemberData(nameof(Small))]
    public void Smaller_sibling_differs_from_the_repaired_one_by_its_network_and_an_average_alone(string id)
    {
        var (repaired, small) = (Read($"{id}_fixed"), Read($"{id}_small"));

        Assert.Equal(
            repaired.Plan.Training with { Ema = new EmaOptions { Decay = 0.9999, UpdateAfter = 100, UpdateEvery = 10 } },
            small.Plan.Training);
        foreach (var section in new[] { "data", "target", "condition", "compressor", "strategy", "sampling", "evaluation" })
            Assert.Equal(Text(repaired.File, section), Text(small.File, section));
        Assert.InRange((long)Describe($"{id}_small")["parameters"]!["denoiser"]!, 76_000_000, 271_000_000);
        Assert.Equal(small.Plan.Expect.Parameters, (long)Describe($"{id}_small")["parameters"]!["denoiser"]!);
    }

    [Theory]
    [MemberData(nameof(Originals))]
    public void What_the_original_measured_is_asked_for_where_its_networks_are(string id)
    {
        var plan = Read(id).Plan;

        // no network of features lies beside the tests, and each metric that would read one is named
        string[] asked = plan.Target.Contains("seg") ? ["fid", "kid"] : ["lpips", "fid", "kid", "cmmd"];
        Assert.Equal(asked, plan.LeftOut.Select(metric => metric.Metric));
        Assert.All(plan.LeftOut, metric => Assert.Contains("there is no file features/", metric.Reason, StringComparison.Ordinal));
        Assert.Contains("kid", plan.Metrics.Select(metric => metric.Id));
        Assert.Equal((25, true, true), (plan.Generation!.Sampling.Count, plan.Evaluation.Pooled, plan.Evaluation.Floor));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Smoke_profile_fits_and_has_a_small_network(string id)
    {
        var found = Describe(id, "smoke");

        Assert.InRange((long)found["parameters"]!["denoiser"]!, 1, 1_000_000);
        if (!id.StartsWith("exp10", StringComparison.Ordinal)) // whose latents have fewer channels
            Assert.Equal(Describe(id)["model_input_channels"]!.ToJsonString(), found["model_input_channels"]!.ToJsonString());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Experiment_says_how_many_parameters_it_expects(string id) => Assert.NotNull(Read(id).Plan.Expect.Parameters);

    internal static (MapNode File, ExperimentPlan Plan) Read(string id, string? profile = null, params string[] sets)
    {
        var file = ExperimentFile.Load(
            Path.Combine(Folder, $"{id}.yaml"),
            [.. sets.Select(set => Assignment.Parse(set))],
            profile,
            engineRecords: PlanReader.EngineRecords);
        return (file, new PlanReader(Registry).Read(file));
    }

    private static JsonNode Describe(string id, string? profile = null)
    {
        using var random = new RandomStreams(0);
        var context = new PartContext(torch.CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, random);
        return JsonSerializer.SerializeToNode(PlanDescription.Of(Read(id, profile).Plan, context), AtomicFile.Json)!;
    }

    private static string? Text(MapNode file, string section) =>
        file[section] is MapNode map ? YamlWriter.Write(map) : (file[section] as ScalarNode)?.Text;

    private static string? TransformBase(MapNode file) => ((ScalarNode)file["strategy"]!["transform_base"]!).Text;
}
