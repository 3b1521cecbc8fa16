using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>Plugins that are dropped beside the program's, or named besides them: none takes anything from those.</summary>
public sealed class DroppedPluginTests : IDisposable
{
    private static readonly string Inputs = Path.Combine(Repository.Root, "tests/Reference/metrics.io.safetensors");
    private readonly Fixtures _fixtures = new();
    private readonly Workspace _work = new();

    public void Dispose()
    {
        _fixtures.Dispose();
        _work.Dispose();
    }

    private VoxelZooProgram.Outcome Metric(string id) =>
        VoxelZooProgram.RunHere("metric", id, "--inputs", Inputs, "--json", "--plugins", _fixtures.Folder);

    private static double Value(VoxelZooProgram.Outcome outcome) => (double)JsonNode.Parse(outcome.Out)!["value"]!;

    [Fact]
    public void Part_of_the_programs_name_is_taken_by_its_plugins_name_alone_and_named()
    {
        var before = Metric("mse");
        var folder = _fixtures.Add("Namesake");

        var (after, other) = (Metric("mse"), Metric("namesake/mse"));

        Assert.Equal((0, ""), (before.ExitCode, before.Error));
        Assert.Equal(
            (
                0,
                $"warning: the metric `mse` is the program's own, of `metrics`, and also in `namesake` ({folder}); "
                + "the program's own is taken, `use: namesake/mse` takes the other\n"),
            (after.ExitCode, after.Error));
        Assert.Equal(Value(before), Value(after));
        Assert.Equal((0, "", -1), (other.ExitCode, other.Error, Value(other)));
    }

    [Fact]
    public void Plugin_of_the_id_of_one_of_the_programs_is_a_duplicate_and_leaves_that_alone()
    {
        var folder = _fixtures.Add("Impostor");

        var list = JsonNode.Parse(VoxelZooProgram.RunHere("plugins", "list", "--json", "--plugins", _fixtures.Folder).Out)!.AsArray();
        var value = Value(Metric("mse"));

        var dropped = Assert.Single(list, one => (string?)one!["path"] == folder)!;
        Assert.Equal("duplicate", (string?)dropped["status"]);
        Assert.StartsWith("the plugin `metrics` comes with the program, in ", (string?)dropped["reason"], StringComparison.Ordinal);
        Assert.Single(list, one => (string?)one!["id"] == "metrics" && (string?)one["status"] == "active");
        Assert.NotEqual(-1, value);
    }

    [Fact]
    public void Folders_of_the_environment_are_searched_besides_those_of_the_program_and_of_the_command_line()
    {
        using var more = new Fixtures();
        var (named, own) = (_fixtures.Add("Good"), more.Add("SecondGood"));

        var environment = new Dictionary<string, string> { ["VOXELZOO_PLUGINS"] = $"{Path.GetDirectoryName(own)}:{Repository.Plugins}" };
        var list = JsonNode.Parse(VoxelZooProgram.RunWith(environment, "plugins", "list", "--json", "--plugins", named).Out)!.AsArray();
        var absent = VoxelZooProgram.RunWith(new() { ["VOXELZOO_PLUGINS"] = "/no/such/folder" }, "plugins", "list");

        Assert.Equal(
            ["good", "second", "unet3d"], list.Select(one => (string)one!["id"]!).Where(id => id is "good" or "second" or "unet3d"));
        Assert.All(list, one => Assert.Equal("active", (string?)one!["status"]));
        Assert.Equal((2, "VOXELZOO_PLUGINS /no/such/folder: there is no such folder\n"), (absent.ExitCode, absent.Error));
    }

    [Theory]
    [InlineData("{use: filling}", null)]
    [InlineData("{use: filling, out_channels: 1, grid: {levels: 5, depth: 16}}", null)]
    [InlineData(
        "{use: filling, out_channels: 7}",
        "out_channels is 7, and `filling` of the plugin careless 0.1.0 makes 1 of it from the experiment's shapes; leave out_channels out")]
    [InlineData("{use: filling, grid: {depth: 2}}", "grid.depth is 2, and `filling` of the plugin careless 0.1.0 makes 16 of it")]
    public void Option_that_the_experiment_writes_is_not_replaced_by_the_architecture(string architecture, string? refusal)
    {
        _fixtures.Add("Careless");
        var experiment = _work.Write("e.yaml", $$"""
            id: e
            data: {depth: 16, height: 32, width: 32, original_depth: 16, cohort: {{_work.At("")}} }
            target: bravo
            architecture: {{architecture}}
            strategy: rflow
            sampling: {use: euler}

            """);

        var outcome = _work.Here("describe", experiment, "--plugins", _fixtures.Folder);

        Assert.Equal(refusal is null ? 0 : 2, outcome.ExitCode);
        Assert.Contains(refusal ?? "", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{good: '[0.1,0.2)', unet3d: 0.1}", null)]
    [InlineData("[good, unet3d]", null)]
    [InlineData("good", null)]
    [InlineData(
        "{good: '[0.2,0.3)'}",
        ":1:11: the experiment needs the plugin `good` in [0.2,0.3), and in FOLDER is 0.1.0; put one of those versions there")]
    [InlineData("{goood: 1.0}", ":1:11: the experiment needs the plugin `goood`, which is not there; did you mean `good`?")]
    [InlineData("[toonew]", ":1:11: the experiment needs the plugin `toonew` (")]
    [InlineData("{good: soon}", ":1:17: the version of `good` is the text `soon`, expected a range of versions such as \"[1.0,2.0)\"")]
    public void Experiment_says_which_plugins_it_needs(string plugins, string? refusal)
    {
        var folder = _fixtures.Add("Good");
        _fixtures.Add("TooNew");
        var experiment = _work.Write("e.yaml", $"plugins: {plugins}\nextends: {Repository.Root}/experiments/exp11.yaml\n");

        var outcome = _work.Here("describe", experiment, "--profile", "smoke", "--plugins", _fixtures.Folder);

        Assert.Equal(refusal is null ? 0 : 2, outcome.ExitCode);
        Assert.StartsWith(
            refusal is null ? "" : experiment + refusal.Replace("FOLDER", folder, StringComparison.Ordinal),
            outcome.Error,
            StringComparison.Ordinal);
    }
}
