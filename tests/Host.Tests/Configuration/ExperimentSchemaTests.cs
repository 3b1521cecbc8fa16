using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using VoxelZoo.Conformance.Options;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Configuration;

/// <summary>What <c>schema</c> prints, judged by a validator that is none of ours.</summary>
public sealed class ExperimentSchemaTests
{
    private static readonly Lazy<JsonSchema> Schema = new(() => JsonSchema.FromText(VoxelZooProgram.RunHere("schema").Out));

    private static readonly string Experiments = Path.Combine(Repository.Root, "experiments");

    public static TheoryData<string> Files =>
        new(Directory.GetFiles(Experiments, "*.yaml", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Experiments, file)));

    private static bool Takes(JsonSchema schema, Node file) =>
        schema.Evaluate(JsonSerializer.SerializeToElement(NodeJson.Of(file))).IsValid;

    private static bool Takes(string yaml) => Takes(Schema.Value, YamlReader.ParseValue(yaml, new Position("test")));

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_experiment_is_taken(string file) =>
        Assert.True(Takes(Schema.Value, YamlReader.ReadFile(Path.Combine(Experiments, file))));

    [Theory]
    [InlineData("{strategy: {use: rflow, prediction: sample}}", "{strategy: {use: rflow, prediction: samples}}")]
    [InlineData("{strategy: rflow}", "{strategy: rflows}")]
    [InlineData("{strategy: {use: rflow/rflow}}", "{strategy: {use: ddpm/rflow}}")]
    [InlineData("{strategy: {use: rflow, scale: 2}}", "{strategy: {use: rflow, scale: 11}}")]
    [InlineData("{strategy: {use: rflow, scale: null}}", "{strategy: {use: rflow, scale: wide}}")]
    [InlineData("{architecture: {use: dit, depth: 5}}", "{architecture: {use: dit, channels: [4]}}")]
    [InlineData("{architecture: {channels: [4]}}", "{architecture: {chanels: [4]}}")]
    [InlineData("{compressor: {use: space_to_depth, factor: 2, normalize: true}}", "{compressor: {use: space_to_depth, factor: 2.5}}")]
    [InlineData("{sampling: {use: euler, steps: 4, count: 1}}", "{sampling: {use: euler, steps: 4, counts: 1}}")]
    [InlineData("{evaluation: {metrics: [psnr, {use: kid, extractor: scattering}]}}", "{evaluation: {metrics: [psnrs]}}")]
    [InlineData("{training: {epochs: 3, generation: {every: 2, steps: 5}}}", "{training: {epochs: 0}}")]
    [InlineData("{training: {learning_rate: 1e-3}}", "{training: {learning_rate: fast}}")]
    [InlineData("{data: {synthesize: {train: 2}}}", "{data: {synthesize: {trains: 2}}}")]
    [InlineData("{profiles: {smoke: {training: {epochs: 1}, expect: null}}}", "{profiles: {smoke: {training: {epoch: 1}}}}")]
    [InlineData("{plugins: {acme: '[1.0,2.0)'}}", "{plugin: {acme: '[1.0,2.0)'}}")]
    [InlineData("{extends: [a.yaml, b.yaml], id: x}", "{extends: {file: a.yaml}, id: x}")]
    public void What_the_program_refuses_is_refused(string right, string wrong)
    {
        Assert.True(Takes(right));
        Assert.False(Takes(wrong));
    }

    /// <summary>The golden plugin was built before manifests told of options.</summary>
    [Theory]
    [InlineData("{evaluation: {metrics: [{use: golden_psnr, whatever: 1}]}}", true)]
    [InlineData("{evaluation: {metrics: [{use: golden10/golden_psnr}]}}", true)]
    [InlineData("{evaluation: {metrics: [golden_psnrs]}}", false)]
    [InlineData("{evaluation: {metrics: [psnr]}}", false)]
    public void Plugin_that_says_nothing_of_its_options_takes_any_and_one_that_is_not_there_none(string yaml, bool taken)
    {
        var plugins = PluginCatalogue.Read(Path.Combine(Repository.Root, "tests/Golden/contract-1.0/Golden"));

        var schema = JsonSchema.FromText(ExperimentSchema.Of(plugins).ToJsonString());

        Assert.Equal(taken, Takes(schema, YamlReader.ParseValue(yaml, new Position("test"))));
    }

    public static TheoryData<string> Kinds => new(KindOfPart.All.Select(kind => kind.Name));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Manifest_has_the_keys_that_the_host_binds_and_defaults_that_it_takes(string kind)
    {
        var plugins = PluginCatalogue.Read(Repository.Plugins).Plugins;
        var parts = plugins.SelectMany(plugin => plugin.Parts.Select(part => (Plugin: plugin, Part: part)))
            .Where(each => each.Part.Kind == kind).ToArray();

        Assert.NotEmpty(parts);
        foreach (var (plugin, part) in parts)
        {
            var options = LoadedPlugin.Load(plugin).Create(plugin, part).OptionsType;
            var properties = JsonNode.Parse(part.Options!)!["properties"]!.AsObject();
            Assert.Equal(
                OptionsShape.Of(options).Keys.Order(StringComparer.Ordinal),
                properties.Select(property => property.Key).Order(StringComparer.Ordinal));
            Assert.All(properties, property => Assert.NotEqual("", (string?)property.Value!["description"] ?? ""));
            var defaults = new JsonObject(properties.Where(property => property.Value!["default"] is not null)
                .Select(property => KeyValuePair.Create(property.Key, (JsonNode?)property.Value!["default"]!.DeepClone())));
            Binder.Bind(YamlReader.ParseValue(defaults.ToJsonString(), new Position(part.Id)), options);
        }
    }
}
