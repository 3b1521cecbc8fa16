using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class ExperimentFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Extends_merges_sections_and_replaces_lists()
    {
        _folder.Write("_base/common.yaml", "training: {epochs: 5, rates: [1, 2]}\nid: base\n");
        var file = _folder.Write("a.yaml", "extends: _base/common.yaml\nid: a\ntraining: {rates: [3]}\n");

        Assert.Equal("training:\n  epochs: 5\n  rates: [3]\nid: a\n", Resolved(file));
    }

    [Fact]
    public void Extends_takes_an_experiment_that_a_plugin_brings_and_follows_what_that_extends()
    {
        _folder.Write("brought/experiments/_base/net.yaml", "training: {epochs: 5}\n");
        _folder.Write("brought/experiments/small.yaml", "extends: _base/net.yaml\nid: small\n");
        _folder.Write("brought/experiments/large.yaml", "extends: acme.net/small\nid: large\n");
        var plugins = PluginCatalogue.Of(new Plugin { Id = "acme.net", Path = Path.Combine(_folder.Path, "brought") });
        var file = _folder.Write("a.yaml", "extends: acme.net/large\nid: mine\n");

        Assert.Equal("training:\n  epochs: 5\nid: mine\n", YamlWriter.Write(ExperimentFile.Load(file, plugins: plugins)));
        Assert.StartsWith(
            $"{file}:1:10: the plugin `acme.net` brings no such experiment; did you mean `acme.net/large`? (it brings ",
            Refusal(_folder.Write("a.yaml", "extends: acme.net/larg\n"), plugins), StringComparison.Ordinal);
        Assert.StartsWith(
            $"{file}:1:10: `extends` names other/large, which does not end in .yaml, .yml or .json, and there is no plugin",
            Refusal(_folder.Write("a.yaml", "extends: other/large\n"), plugins), StringComparison.Ordinal);
    }

    [Fact]
    public void Extends_of_several_lets_the_later_win()
    {
        _folder.Write("b.yaml", "x: 1\ny: 1\n");
        _folder.Write("c.yaml", "y: 2\n");
        var file = _folder.Write("a.yaml", "extends: [b.yaml, c.yaml]\n");

        Assert.Equal("x: 1\ny: 2\n", Resolved(file));
    }

    [Fact]
    public void Inherited_value_keeps_the_place_where_it_was_written()
    {
        var below = _folder.Write("b.yaml", "# a comment\ntraining:\n  epochs: 5\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\ntraining: {rate: 1}\n");

        Assert.Equal($"{below}:3:11", ExperimentFile.Load(file)["training"]!["epochs"]!.Position.ToString());
    }

    [Theory]
    [InlineData("training.epochs", "--set training.epochs")]
    [InlineData("training.rate", "FILE:3:3")]
    [InlineData("training.seed", "FILE:2:1")]
    [InlineData("training", "FILE:2:1")]
    [InlineData("sampling.steps", "--steps")]
    [InlineData("sampling.eta", "--steps")]
    [InlineData("nothing", "FILE:1:1")]
    public void Option_is_the_place_of_its_own_key_and_of_no_other(string key, string place)
    {
        var file = _folder.Write("a.yaml", "id: a\ntraining:\n  rate: 1\n");

        var root = ExperimentFile.Load(file, [Assignment.Parse("training.epochs=5"), Assignment.By("--steps", "sampling.steps", 3)]);

        Assert.Equal(place.Replace("FILE", file, StringComparison.Ordinal), root.Locate(key).ToString());
    }

    [Theory]
    [InlineData(25, "25")]
    [InlineData(1e-3, "0.001")]
    [InlineData(4.0, "4")]
    [InlineData(true, "true")]
    [InlineData("euler", "euler")]
    [InlineData("a: b", "\"a: b\"")]
    [InlineData(new[] { "val", "test" }, "[val, test]")]
    [InlineData(null, "null")]
    public void Typed_value_is_the_one_that_YAML_would_read(object? value, string written)
    {
        var file = _folder.Write("a.yaml", "id: a\nb: {c: 1, d: 2}\n");

        Assert.Equal(Resolved(file, [$"b.c={written}"]), YamlWriter.Write(ExperimentFile.Load(file, [Assignment.By("--c", "b.c", value)])));
    }

    [Theory]
    [InlineData("secret.txt", "hunter2: [x")]
    [InlineData("secret.yaml", "hunter2")]
    [InlineData("secret.yaml", "[hunter2]")]
    public void Extends_of_another_kind_of_file_is_refused_without_its_contents(string name, string contents)
    {
        _folder.Write(name, contents);
        var file = _folder.Write("a.yaml", $"extends: {name}\n");

        Assert.DoesNotContain("hunter2", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Cohort_alone_takes_the_place_of_one_that_would_be_made()
    {
        _folder.Write("b.yaml", "data: {synthesize: {train: 8}, depth: 32}\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\ndata: {cohort: mine}\n");
        var made = _folder.Write("c.yaml", "extends: a.yaml\ndata: {cohort: null, synthesize: {train: 4}}\n");

        Assert.Equal("data:\n  depth: 32\n  cohort: mine\n", Resolved(file));
        Assert.Equal("data:\n  depth: 32\n  cohort: mine\n", Resolved(_folder.Write("d.yaml", "extends: b.yaml\n"), ["data.cohort=mine"]));
        Assert.Equal("data:\n  depth: 32\n  synthesize:\n    train: 4\n", Resolved(made));
    }

    [Fact]
    public void Cohort_of_a_file_takes_the_place_of_one_that_a_profile_of_what_it_extends_would_make()
    {
        _folder.Write(
            "b.yaml", "data: {synthesize: {train: 8}, depth: 32}\nprofiles: {smoke: {data: {synthesize: {train: 1}, depth: 4}}}\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\ndata: {cohort: mine}\n");
        var own = _folder.Write("c.yaml", "data: {cohort: mine}\nprofiles: {smoke: {data: {synthesize: {train: 1}}}}\n");

        Assert.Equal("data:\n  depth: 4\n  cohort: mine\n", YamlWriter.Write(ExperimentFile.Load(file, profile: "smoke")));
        // who writes both is asked which one is meant
        Assert.Equal("data:\n  cohort: mine\n  synthesize:\n    train: 1\n", YamlWriter.Write(ExperimentFile.Load(own, profile: "smoke")));
    }

    [Theory]
    [InlineData("data.cohort=mine", "data.synthesize.train=1")]
    [InlineData("data.synthesize.train=1", "data.cohort=mine")]
    public void Cohort_and_what_would_make_one_are_both_kept_in_either_order_so_that_they_are_refused(string first, string second)
    {
        var file = _folder.Write("b.yaml", "data: {synthesize: {train: 8}, depth: 32}\n");
        Assert.Equal("data:\n  depth: 32\n  cohort: mine\n  synthesize:\n    train: 1\n", Resolved(file, [first, second]));
    }

    [Fact]
    public void Extends_in_a_circle_is_refused()
    {
        _folder.Write("b.yaml", "extends: a.yaml\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\n");

        Assert.Contains("circle", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Extends_that_doubles_at_each_level_is_read_once_a_file()
    {
        // 16 levels of four: a thousand million paths to one file
        _folder.Write("15.yaml", "x: 1\n");
        for (var i = 14; i > 0; i--)
            _folder.Write($"{i}.yaml", $"extends: [{string.Join(", ", Enumerable.Repeat($"{i + 1}.yaml", 4))}]\n");
        var file = _folder.Write("0.yaml", "extends: 1.yaml\n");

        Assert.Equal("x: 1\n", Resolved(file));
    }

    [Fact]
    public void Extends_of_an_absent_file_is_refused_where_it_is_named()
    {
        var file = _folder.Write("a.yaml", "id: a\nextends: b.yaml\n");

        Assert.StartsWith($"{file}:2:10: ", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Null_removes_an_inherited_key()
    {
        _folder.Write("b.yaml", "training: {epochs: 5, ema: {decay: 0.9}}\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\ntraining: {ema: null}\n");

        Assert.Equal("training:\n  epochs: 5\n", Resolved(file));
    }

    [Fact]
    public void Changing_the_part_drops_the_other_parts_options()
    {
        _folder.Write("b.yaml", "architecture: {use: unet3d, channels: [8, 16]}\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\narchitecture: {use: dit, depth: 2}\n");

        Assert.Equal("architecture:\n  use: dit\n  depth: 2\n", Resolved(file));
    }

    [Fact]
    public void Naming_the_same_part_keeps_its_options()
    {
        _folder.Write("b.yaml", "architecture: {use: unet3d, channels: [8, 16]}\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\narchitecture: {use: unet3d, depth: 2}\n");

        Assert.Equal("architecture:\n  use: unet3d\n  channels: [8, 16]\n  depth: 2\n", Resolved(file));
    }

    [Fact]
    public void Changing_the_part_keeps_the_engines_keys()
    {
        var file = _folder.Write("a.yaml", "sampling: {use: euler, steps: 25, count: 2}\n");

        var root = ExperimentFile.Load(
            file, [Assignment.Parse("sampling.use=dopri5")], null, new Dictionary<string, Type> { ["sampling"] = typeof(Sampling) });

        Assert.Equal("sampling:\n  count: 2\n  use: dopri5\n", YamlWriter.Write(root));
    }

    [Fact]
    public void Profile_lies_over_the_experiment()
    {
        _folder.Write("b.yaml", "profiles: {smoke: {training: {epochs: 1, ema: null}}}\n");
        var file = _folder.Write("a.yaml", "extends: b.yaml\ntraining: {epochs: 500, ema: {decay: 0.9}, rate: 1}\n");

        Assert.Equal("training:\n  epochs: 1\n  rate: 1\n", Resolved(file, profile: "smoke"));
        Assert.Equal("training:\n  epochs: 500\n  ema:\n    decay: 0.9\n  rate: 1\n", Resolved(file));
    }

    [Fact]
    public void Unknown_profile_is_refused_with_the_nearest()
    {
        var file = _folder.Write("a.yaml", "profiles: {smoke: {}, full: {}}\n");

        var e = Assert.Throws<ConfigurationException>(() => ExperimentFile.Load(file, profile: "smok"));

        Assert.Contains("did you mean `smoke`?", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.b=2", "a:\n  b: 2\n  l:\n    - c: 1\n    - c: 2\n")]
    [InlineData("a.l.1.c=9", "a:\n  b: 1\n  l:\n    - c: 1\n    - c: 9\n")]
    [InlineData("a.l=[1, 2]", "a:\n  b: 1\n  l: [1, 2]\n")]
    [InlineData("a.new.deep=x", "a:\n  b: 1\n  l:\n    - c: 1\n    - c: 2\n  new:\n    deep: x\n")]
    [InlineData("a.l=", "a:\n  b: 1\n")]
    [InlineData("a={d: 1=2}", "a:\n  b: 1\n  l:\n    - c: 1\n    - c: 2\n  d: \"1=2\"\n")]
    public void Set_changes_one_value(string set, string expected)
    {
        var file = _folder.Write("a.yaml", "a: {b: 1, l: [{c: 1}, {c: 2}]}\n");

        Assert.Equal(expected, Resolved(file, [set]));
    }

    [Fact]
    public void Set_of_the_part_comes_before_the_others_whatever_their_order()
    {
        var file = _folder.Write("a.yaml", "m: {use: x, k: 1}\n");

        Assert.Equal("m:\n  use: y\n  depth: 2\n", Resolved(file, ["m.depth=2", "m.use=y"]));
    }

    [Theory]
    [InlineData("a.l.2.c=9", "--set a.l.2.c: `a.l` is a list of 2")]
    [InlineData("a.b.c=9", "--set a.b.c: `a.b` is the number 1, not a section")]
    [InlineData("a.b", "--set a.b: expected KEY=VALUE")]
    [InlineData("a..b=1", "--set a..b: ")]
    [InlineData("a.b=[1", "--set a.b: not valid YAML")]
    [InlineData("a.b=!!int 1", "--set a.b: the tag")]
    public void Set_that_cannot_be_is_refused_by_its_name(string set, string message)
    {
        var file = _folder.Write("a.yaml", "a: {b: 1, l: [{c: 1}, {c: 2}]}\n");

        var e = Assert.Throws<ConfigurationException>(() => ExperimentFile.Load(file, [Assignment.Parse(set)]));

        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }

    private static string Resolved(string file, string[]? sets = null, string? profile = null) =>
        YamlWriter.Write(ExperimentFile.Load(file, sets?.Select(set => Assignment.Parse(set)).ToArray(), profile));

    private static string Refusal(string file, PluginCatalogue? plugins = null) =>
        Assert.Throws<ConfigurationException>(() => ExperimentFile.Load(file, plugins: plugins)).Message;

    private sealed record Sampling
    {
        public int Count { get; init; }
    }
}
