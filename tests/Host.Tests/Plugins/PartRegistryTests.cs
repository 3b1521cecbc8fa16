using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance.Options;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.PluginManifest;

namespace VoxelZoo.Host.Tests.Plugins;

public sealed class PartRegistryTests : IDisposable
{
    private readonly Fixtures _fixtures = new();
    private readonly RandomStreams _random = new(0);

    public void Dispose()
    {
        _random.Dispose();
        _fixtures.Dispose();
    }

    [Fact]
    public void Kinds_are_those_of_the_contract_and_of_manifests()
    {
        Assert.Equal(Enum.GetNames<PartKind>().Select(OptionsShape.KeyOf), KindOfPart.All.Select(kind => kind.Name));
        Assert.Equal(PartMetadata.Kinds, KindOfPart.All.Select(kind => kind.Name));
    }

    [Fact]
    public void Part_comes_with_its_plugins_name_and_version()
    {
        var folder = _fixtures.Add("Good");

        var part = Registry().Get<IMetric>("answer");

        Assert.Equal(("metric", "answer", "good", "0.1.0", folder), (part.Kind, part.Id, part.Plugin, part.Version, part.Path));
    }

    [Fact]
    public void Parts_types_are_the_hosts_types()
    {
        _fixtures.Add("Good");

        using var compressor = Registry().Get<ICompressor>("scale").Call(c => c.Create(c.Tiny, Context));

        using var scope = torch.NewDisposeScope();
        Assert.Equal(2f, compressor.Encode(torch.ones(1)).item<float>());
    }

    [Fact]
    public void Plugins_get_their_own_versions_of_one_dependency()
    {
        _fixtures.Add("Good");
        _fixtures.Add("SecondGood");
        var registry = Registry();

        Assert.Equal((1.0, 2.0), (Value(registry, "good/answer"), Value(registry, "second_answer")));
    }

    [Fact]
    public void Native_libraries_that_the_dependencies_name_are_each_plugins_own()
    {
        foreach (var number in new[] { 1, 2 })
        {
            var deps = Path.Combine(AddNative(number, number), $"Native{number}.deps.json");
            var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(deps))!;
            var target = json["targets"]!.AsObject().Single().Value!.AsObject().Single(
                library => library.Key.StartsWith("Native", StringComparison.Ordinal)).Value!;
            target["native"] = new System.Text.Json.Nodes.JsonObject { ["libanswer.so"] = new System.Text.Json.Nodes.JsonObject() };
            File.WriteAllText(deps, json.ToJsonString());
        }

        var registry = Registry();

        Assert.Equal((1.0, 2.0), (Value(registry, "native1"), Value(registry, "native2")));
    }

    [Fact]
    public void Loose_native_library_of_a_name_that_another_plugin_has_is_refused_and_the_same_one_is_not()
    {
        var (first, second) = (AddNative(1, 3), AddNative(2, 4));
        var registry = Registry();
        Assert.Equal("native1", registry.Get<IMetric>("native1").Id);

        var refusal = Assert.Throws<PluginException>(() => registry.Get<IMetric>("native2"));
        File.WriteAllBytes(Path.Combine(second, "libanswer.so"), NativeAnswer.Library(3));

        Assert.StartsWith(
            $"the plugin `native2` ({second}) cannot be used beside `native1` ({first}): each has a libanswer.so of its own, "
            + "and .NET would give both the first one; ",
            refusal.Message, StringComparison.Ordinal);
        Assert.Equal("native2", registry.Get<IMetric>("native2").Id);
    }

    private string AddNative(int number, int answer)
    {
        var folder = _fixtures.Add($"Native{number}");
        File.WriteAllBytes(Path.Combine(folder, "libanswer.so"), NativeAnswer.Library(answer));
        return folder;
    }

    [Fact]
    public void Unknown_part_is_refused_with_the_nearest()
    {
        _fixtures.Add("Good");

        var e = Assert.Throws<PluginException>(() => Registry().Get<IMetric>("anwser"));

        Assert.Equal("there is no metric `anwser`; did you mean `answer`? (known: answer)", e.Message);
    }

    [Theory]
    [InlineData(
        "godo/answer", "there is no plugin `godo` for the metric `godo/answer`; did you mean `good`? (plugins: voxelzoo, good, toonew)")]
    [InlineData("good/anwser", "the plugin `good` has no metric `anwser`; did you mean `answer`? (it has answer)")]
    [InlineData("good/scale", "the plugin `good` has no metric `scale` (it has answer)")]
    [InlineData("voxelzoo/answer", "the plugin `voxelzoo` has no metric `answer` (it has no metric)")]
    [InlineData("toonew/nothing", "the metric `nothing` is asked of the plugin `toonew` (")]
    public void Unknown_part_that_is_named_with_a_plugin_is_refused_with_the_nearest_of_either(string id, string sentence)
    {
        _fixtures.Add("Good");
        _fixtures.Add("TooNew");

        Assert.StartsWith(sentence, Assert.Throws<PluginException>(() => Registry().Get<IMetric>(id)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Part_of_another_kind_is_unknown()
    {
        _fixtures.Add("Good");

        Assert.StartsWith(
            "there is no architecture `answer`",
            Assert.Throws<PluginException>(() => Registry().Get<IArchitecture>("answer")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Part_of_an_unusable_plugin_is_refused_with_the_reason()
    {
        var folder = _fixtures.Add("TooNew");

        var e = Assert.Throws<PluginException>(() => Registry().Get<IMetric>("from_the_future"));

        Assert.Equal(
            $"the metric `from_the_future` is in the plugin `toonew` ({folder}), which cannot be used: "
            + "it was built for contract [2.0,3.0), this host has 1.5.0; use a later version of VoxelZoo, or an earlier one of the plugin",
            e.Message);
    }

    [Fact]
    public void Refusal_stands_where_use_was_written()
    {
        var use = (ScalarNode)YamlReader.Parse("\nuse: nothing", "f.yaml")["use"]!;

        Assert.StartsWith(
            "f.yaml:2:6: there is no metric `nothing`",
            Assert.Throws<ConfigurationException>(() => Registry().Get<IMetric>(use)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Part_of_two_plugins_has_to_be_chosen()
    {
        var (one, two) = (_fixtures.Add("Good"), _fixtures.Add("SecondGood"));

        var e = Assert.Throws<PluginException>(() => Registry().Get<IMetric>("answer"));

        Assert.Equal($"the metric `answer` is in `good` ({one}) and in `second` ({two}); choose one, as in `use: good/answer`", e.Message);
    }

    [Fact]
    public void Host_has_parts_of_its_own()
    {
        _fixtures.Add("Good");
        var registry = new PartRegistry(PluginCatalogue.Read(_fixtures.Folder), [new OwnMetric(), new OwnAnswer()]);

        Assert.Equal("voxelzoo", registry.Get<IMetric>("own").Plugin);
        Assert.Equal("voxelzoo", registry.Get<IMetric>("voxelzoo/answer").Plugin);
        Assert.Equal("good", registry.Get<IMetric>("good/answer").Plugin);
        Assert.Equal("voxelzoo", registry.Get<IMetric>("answer").Plugin);
        Assert.Equal(["answer", "own"], registry.Ids("metric"));
    }

    [Theory]
    [InlineData("throws_in_constructor", "thrown in the constructor")]
    [InlineData("throws_in_static_constructor", "thrown in the static constructor")]
    public void Constructor_that_throws_is_reported_with_the_plugin(string id, string reason)
    {
        var folder = _fixtures.Add("Throwing");

        var e = Assert.Throws<PluginException>(() => Registry().Get<IMetric>(id));

        Assert.Equal($"the plugin `throwing` ({folder}) cannot create `{id}`: {reason}", e.Message);
    }

    [Fact]
    public void Part_that_throws_leaves_the_plugins_others_alone()
    {
        _fixtures.Add("Throwing");
        var registry = Registry();
        Assert.Throws<PluginException>(() => registry.Get<IMetric>("throws_in_constructor"));

        Assert.Equal("throws_in_create", registry.Get<IMetric>("throws_in_create").Id);
    }

    [Fact]
    public void Create_that_throws_is_reported_with_the_plugin()
    {
        _fixtures.Add("Throwing");
        var part = Registry().Get<IMetric>("throws_in_create");

        var e = Assert.Throws<PluginFailedException>(() => part.Call(m => m.Create(m.Tiny, Context)));

        Assert.Equal("the metric `throws_in_create` of the plugin `throwing` 0.1.0 failed: thrown in Create", e.Message);
    }

    [Fact]
    public void Refusal_of_a_part_stays_a_refusal()
    {
        _fixtures.Add("Good");
        var part = Registry().Get<ICompressor>("scale");
        var options = Binder.Bind(YamlReader.Parse("factor: 0", "f.yaml"), part.Value.OptionsType);

        Assert.Equal("factor", Assert.Throws<PlanException>(() => part.Call(c => c.Create(options, Context))).Key);
    }

    private PartContext Context => new(torch.CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, _random);

    private PartRegistry Registry() => new(PluginCatalogue.Read(_fixtures.Folder), []);

    private double Value(PartRegistry registry, string id)
    {
        var part = registry.Get<IMetric>(id);
        using var nothing = torch.empty(0);
        return part.Call(m => m.Create(m.Tiny, Context)).Compute(nothing, nothing).Value;
    }

    private sealed record NoOptions;

    [Metric("own")]
    private sealed class OwnMetric : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
    }

    [Metric("answer")]
    private sealed class OwnAnswer : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
    }
}
