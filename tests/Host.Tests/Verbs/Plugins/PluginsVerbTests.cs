using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Plugins;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.Verbs.Plugins;

public sealed class PluginsVerbTests : IDisposable
{
    private readonly Fixtures _fixtures = new();

    public void Dispose() => _fixtures.Dispose();

    [Fact]
    public void List_as_json_has_the_documented_keys()
    {
        var folder = _fixtures.Add("Good");
        _fixtures.Add("TooNew");

        var list = JsonNode.Parse(Run("plugins", "list", "--json", "--plugins", _fixtures.Folder).Out)!.AsArray();

        var (good, tooNew) = (list.Single(p => (string?)p!["id"] == "good")!, list.Single(p => (string?)p!["id"] == "toonew")!);
        Assert.Equal(["id", "version", "contract", "status", "reason", "parts", "path", "lock"], good.AsObject().Select(p => p.Key));
        Assert.Equal(
            ("good", "active", null, folder),
            ((string?)good["id"], (string?)good["status"], (string?)good["reason"], (string?)good["path"]));
        Assert.Equal(("metric", "answer"), ((string?)good["parts"]![1]!["kind"], (string?)good["parts"]![1]!["id"]));
        Assert.Equal(("toonew", "incompatible"), ((string?)tooNew["id"], (string?)tooNew["status"]));
    }

    [Fact]
    public void List_for_people_has_a_line_for_each_plugin()
    {
        _fixtures.Add("Good");
        _fixtures.Add("TooNew");

        var lines = Run("plugins", "list", "--plugins", _fixtures.Folder).Out.Split('\n');

        Assert.Contains(lines, l => l.Contains("good") && l.Contains("compressor scale, metric answer"));
        Assert.Contains(
            lines,
            l => l.Contains("toonew")
                && l.Contains("built for contract [2.0,3.0)")
                && l.Contains(Path.Combine(_fixtures.Folder, "TooNew")));
    }

    [Fact]
    public void Repository_has_its_plugins_active()
    {
        var list = JsonNode.Parse(Run("plugins", "list", "--json").Out)!.AsArray();

        Assert.Contains(list, p => (string?)p!["id"] == "unet3d");
        Assert.All(list, p => Assert.Equal("active", (string?)p!["status"]));
    }

    [Fact]
    public void List_loads_no_libtorch()
    {
        // the loader of Linux writes every library that it loads into this file
        var log = Path.Combine(_fixtures.Folder, "libraries");

        RunWith(new() { ["LD_DEBUG"] = "files", ["LD_DEBUG_OUTPUT"] = log }, "plugins", "list");

        var libraries = File.ReadAllText(Assert.Single(Directory.GetFiles(_fixtures.Folder, "libraries.*")));
        Assert.Contains("libcoreclr", libraries, StringComparison.Ordinal);
        Assert.DoesNotContain("torch", libraries, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Info_shows_the_manifest()
    {
        _fixtures.Add("Good");

        var info = JsonNode.Parse(Run("plugins", "info", "good", "--json", "--plugins", _fixtures.Folder).Out)!;

        Assert.Equal(("Two parts and a private dependency.", "Apache-2.0"), ((string?)info["summary"], (string?)info["license"]));
    }

    [Fact]
    public void Info_of_a_part_is_a_table_of_its_options()
    {
        var lines = RunHere("plugins", "info", "samplers/euler").Out.Split('\n');

        Assert.Contains(
            lines,
            line => line.Contains("steps") && line.Contains("integer") && line.Contains("25")
                && line.Contains("≥ 1, ≤ 1000") && line.Contains("Steps from noise to data; each calls the network once."));
        Assert.StartsWith(
            "the plugin `samplers` has no part `eulr`; did you mean `euler`? (parts: ",
            RunHere("plugins", "info", "samplers/eulr").Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Info_of_a_part_as_json_has_the_schema_of_its_options_its_presets_and_conflicts()
    {
        var (dit, haar) = (Json("dit/dit"), Json("wdm/haar"));

        Assert.Equal(["kind", "id", "summary", "options", "conflicts"], dit.AsObject().Select(member => member.Key));
        Assert.Equal(["B", "L", "S", "XL"], dit["options"]!["properties"]!["variant"]!["enum"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(
            ("strategy", "rflow", false),
            ((string?)haar["conflicts"]![0]!["kind"], (string?)haar["conflicts"]![0]!["id"], (bool)haar["conflicts"]![0]!["refused"]!));

        static JsonNode Json(string part) => JsonNode.Parse(RunHere("plugins", "info", part, "--json").Out)!;
    }

    [Fact]
    public void Info_prefers_the_folder_that_can_be_used()
    {
        File.Delete(Path.Combine(_fixtures.Add("Good"), "Good.dll"));
        var usable = _fixtures.Add("Good", "Usable");

        var info = JsonNode.Parse(Run("plugins", "info", "good", "--json", "--plugins", _fixtures.Folder).Out)!;

        Assert.Equal(("active", usable), ((string?)info["status"], (string?)info["path"]));
    }

    [Fact]
    public void Doctor_says_what_does_not_load_and_why()
    {
        _fixtures.Add("Good");
        _fixtures.Add("TooNew");
        _fixtures.Add("Throwing");

        var outcome = Run("plugins", "doctor", "--json", "--plugins", _fixtures.Folder);
        var doctor = JsonNode.Parse(outcome.Out)!;

        var own = Directory.GetDirectories(Repository.Plugins).Length;
        Assert.Equal(("1.5.0", own + 3), ((string?)doctor["contract"], (int)doctor["plugins"]!));
        Assert.Equal([Repository.Plugins, _fixtures.Folder], doctor["folders"]!.AsArray().Select(f => (string?)f));
        Assert.NotNull((string?)doctor["native"]!["libtorch"]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("loading `throwing` (", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(["throwing", "toonew"], doctor["failed"]!.AsArray().Select(f => (string?)f!["id"]));
        Assert.Contains("thrown in the constructor", (string?)doctor["failed"]![0]!["reason"], StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_says_why_libtorch_does_not_load()
    {
        var doctor = JsonNode.Parse(RunWith(new() { ["VOXELZOO_LIBTORCH"] = "/no/such/lib" }, "plugins", "doctor", "--json").Out)!;

        Assert.Contains("VOXELZOO_LIBTORCH is /no/such/lib", (string?)doctor["native"]!["fault"], StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_fails_with_the_part_that_does_not_keep_the_contract()
    {
        // a metric that is always the same cannot tell real from generated
        var outcome = Run("plugins", "verify", _fixtures.Add("Good"), "--json");

        var verified = JsonNode.Parse(outcome.Out)!;
        var checks = verified["checks"]!.AsArray();
        Assert.Equal(("none", "bronze"), ((string?)verified["quality"], (string?)verified["next"]));
        Assert.Equal(["answer"], checks.Where(c => !(bool)c!["passed"]!).Select(c => (string?)c!["part"]).Distinct());
        Assert.Contains(checks, c => (string?)c!["part"] == "scale");
        Assert.Equal(1, outcome.ExitCode);
    }

    [Fact]
    public void Verify_of_a_sound_plugin_is_done() =>
        Assert.Equal(0, Run("plugins", "verify", Path.Combine(Repository.Plugins, "RFlow")).ExitCode);

    [Fact]
    public void Doctor_of_the_programs_plugins_is_done()
    {
        var outcome = Run("plugins", "doctor");

        Assert.True(outcome.ExitCode == 0, outcome.Out + outcome.Error);
    }

    [Theory]
    [InlineData("Killing", "hangs", "it was not done after 8 seconds and was ended")]
    [InlineData("Killing", "fails_fast", "it ended the process that loaded it by signal 6 (Process terminated. failed fast)")]
    [InlineData("Killing", "overflows", "it ended the process that loaded it by signal 6 (Stack overflow)")]
    [InlineData(
        "Killing", "throws_on_a_thread",
        "it ended the process that loaded it by signal 6 (Unhandled exception. System.InvalidOperationException: thrown on a thread)")]
    [InlineData("Killing", "eats_memory", "it took more than 1500 MiB of memory and was ended")]
    [InlineData("Ending", "ends_in_constructor", "it ended the process that loaded it before it was done")]
    [InlineData("Ending", "ends_natively", "it ended the process that loaded it before it was done")]
    public void Plugin_that_takes_the_process_with_it_is_named_with_its_part(string fixture, string part, string reason)
    {
        var folder = Only(fixture, part);
        string[] limits = part == "hangs" ? ["--time-limit", "8"] : part == "eats_memory" ? ["--memory-limit", "1500"] : [];

        var outcome = Run(["plugins", "verify", folder, "--json", .. limits]);

        Assert.Equal(1, outcome.ExitCode);
        var check = Assert.Single(JsonNode.Parse(outcome.Out)!["checks"]!.AsArray())!;
        Assert.Equal(
            ("process", false, $"{reason} at `{part}`", part),
            ((string?)check["check"], (bool)check["passed"]!, (string?)check["sentence"], (string?)check["part"]));
        Assert.Equal($"verifying `{fixture.ToLowerInvariant()}` ({folder})\n", outcome.Error);
    }

    [Fact]
    public void Doctor_goes_on_after_a_plugin_that_ended_its_process()
    {
        _fixtures.Add("Good");
        var folder = Only("Ending", "ends_natively");

        var outcome = Run("plugins", "doctor", "--json", "--plugins", _fixtures.Folder);

        Assert.Equal(1, outcome.ExitCode);
        var failed = Assert.Single(JsonNode.Parse(outcome.Out)!["failed"]!.AsArray())!;
        Assert.Equal(
            $"the plugin `ending` ({folder}) cannot be used: it ended the process that loaded it before it was done at `ends_natively`",
            (string?)failed["reason"]);
    }

    [Fact]
    public void What_a_plugin_writes_does_not_come_among_what_programs_read()
    {
        var folder = Only("Killing", "talks");

        var outcome = Run(
            "metric",
            "talks",
            "--plugins",
            folder,
            "--inputs",
            Path.Combine(Repository.Root, "tests/Reference/metrics.io.safetensors"),
            "--json");

        Assert.Equal((1, ""), (outcome.ExitCode, outcome.Out));
        Assert.StartsWith("a word of the plugin's\n", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_finds_what_the_authors_of_parts_do_not_see()
    {
        var checks = JsonNode.Parse(Run("plugins", "verify", _fixtures.Add("Careless"), "--json").Out)!["checks"]!.AsArray();

        string Finding(string part, string check) =>
            (string)Assert.Single(
                checks, one => (string?)one!["part"] == part && (string?)one["check"] == check && !(bool)one["passed"]!)!["sentence"]!;

        Assert.Equal(
            "the options ClassOptions is no record, which options have to be: they are copied and compared",
            Finding("no_record", "options"));
        Assert.StartsWith(
            "`law` is a Func<Double, Double>, which no experiment can write; use ",
            Finding("function_option", "options"),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "`patience` is a Nullable<TimeSpan>, which no experiment can write; use ",
            Finding("time_option", "options"),
            StringComparison.Ordinal);
        Assert.Equal("the default: `width` is 3, must be at least 8 and at most 64", Finding("low_default", "options"));
        Assert.StartsWith(
            "`normalize` is a key of the engine in the section of a compressor",
            Finding("in_place", "engine_keys"),
            StringComparison.Ordinal);
        Assert.Equal(
            "the volume was changed in place, and others still need what was there; compute into a new tensor",
            Finding("in_place", "inputs_untouched"));
        Assert.Equal(
            "the sample was changed in place, and others still need what was there; compute into a new tensor",
            Finding("filling", "inputs_untouched"));
        Assert.True(
            (bool)Assert.Single(checks, one => (string?)one!["part"] == "filling" && (string?)one["check"] == "repeatable")!["passed"]!);
    }

    /// <summary>A plugin whose manifest names one part alone.</summary>
    private string Only(string fixture, string part)
    {
        var folder = _fixtures.Add(fixture);
        Fixtures.Edit(folder, "parts", new JsonArray(new JsonObject { ["kind"] = "metric", ["id"] = part }));
        return folder;
    }

    [Fact]
    public void Verify_of_a_plugin_without_parts_is_refused()
    {
        var folder = _fixtures.Add("Good");
        Fixtures.Edit(folder, "parts", new JsonArray());

        var outcome = Run("plugins", "verify", folder);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("has no parts to verify", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_of_a_plugin_for_another_contract_is_refused()
    {
        var outcome = Run("plugins", "verify", _fixtures.Add("TooNew"));

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("built for contract [2.0,3.0)", outcome.Error, StringComparison.Ordinal);
    }
}
