using System.IO.Compression;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Plugins.Installed;
using VoxelZoo.Host.Tests.Plugins;
using VoxelZoo.Host.Tests.Programs;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.Verbs.Plugins;

/// <summary>Plugins that are installed from packages, folders and feeds, into a folder of plugins of a test's own.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly Packages _packages = new();
    private readonly TemporaryFolder _store = new();

    public void Dispose()
    {
        _packages.Dispose();
        _store.Dispose();
    }

    private Outcome Plugins(params string[] arguments) => RunHere(["plugins", .. arguments, "--plugins", _store.Path]);

    private JsonNode? Listed(string id) =>
        JsonNode.Parse(Plugins("list", "--json").Out)!.AsArray().SingleOrDefault(plugin => (string?)plugin!["id"] == id);

    private (string? Version, string? Status, string? Lock) State(string id) =>
        Listed(id) is { } plugin ? ((string?)plugin["version"], (string?)plugin["status"], (string?)plugin["lock"]) : default;

    private void Install(string package) =>
        Assert.Equal((0, ""), Plugins("install", package) is var outcome ? (outcome.ExitCode, outcome.Error) : default);

    /// <summary>What is in the store but the empty places for what is to come.</summary>
    private string[] Files() =>
        [.. Directory.EnumerateFiles(_store.Path, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "busy")];

    [Fact]
    public void Package_is_installed_with_the_hash_of_each_file_and_its_parts_are_used()
    {
        Install(_packages.Of("Good", "good.nupkg"));

        Assert.Equal(("0.1.0", "active", "locked"), State("good"));
        var files = JsonNode.Parse(File.ReadAllText(Path.Combine(_store.Path, "plugins.lock.json")))!["plugins"]!["good"]!["files"]!
            .AsObject();
        var folder = (string)Listed("good")!["path"]!;
        Assert.Equal(
            Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal),
            files.Select(file => file.Key));
        Assert.Equal(0, Metric("answer").ExitCode);
    }

    private Outcome Metric(string id) =>
        RunHere(
            "metric",
            id,
            "--inputs",
            Path.Combine(Repository.Root, "tests/Reference/metrics.io.safetensors"),
            "--json",
            "--plugins",
            _store.Path);

    [Fact]
    public void Folder_that_a_build_left_is_installed()
    {
        using var fixtures = new Fixtures();

        Install(fixtures.Add("Good"));

        Assert.Equal(("0.1.0", "active", "locked"), State("good"));
    }

    [Fact]
    public void Folder_that_was_dropped_works_and_is_unlocked()
    {
        using var fixtures = new Fixtures();
        Directory.Move(fixtures.Add("Good"), Path.Combine(_store.Path, "Good"));

        Assert.Equal(("0.1.0", "active", "unlocked"), State("good"));
    }

    public static TheoryData<string, string> Names => new()
    {
        { "plugin/../../evil", "holds the path plugin/../../evil, which may lead out of the plugin's folder" },
        { "../evil", "holds the path ../evil, which may lead out of the plugin's folder" },
        { "plugin/%2e%2e/%2e%2e/evil", "holds the path plugin/../../evil, which may lead out of the plugin's folder" },
        { "/etc/evil", "holds the absolute path /etc/evil" },
        { "C:/evil", "holds the absolute path C:/evil" },
        { "plugin/a\\..\\evil", "holds the path plugin/a\\..\\evil, with a character that not every system takes" },
        { "plugin/a\nb", "holds the path plugin/a\\x0ab, with a character that not every system takes" },
        { "plugin/PLUGIN.json", "holds plugin.json and PLUGIN.json, which are one file where upper and lower case are the same" },
        { "plugin/plugin.json", "holds plugin.json twice" },
        { "plugin/plugin.json/x", "holds plugin.json/x as a file and as a folder" },
        { "plugin/x.", "holds the path plugin/x., which may lead out of the plugin's folder" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Name_that_is_no_file_of_the_plugins_own_is_refused(string name, string sentence) =>
        Refused(_packages.Of("Good", "good.nupkg", more: zip => zip.CreateEntry(name)), sentence);

    [Theory]
    [InlineData(0xA1FF, "which is a link")]
    [InlineData(0x21B6, "which is no file")]
    public void Entry_that_is_no_file_is_refused(int mode, string sentence) =>
        Refused(_packages.Of("Good", "good.nupkg", more: zip => zip.CreateEntry("plugin/odd").ExternalAttributes = mode << 16), sentence);

    [Fact]
    public void Link_in_a_folder_is_refused()
    {
        using var fixtures = new Fixtures();
        var folder = fixtures.Add("Good");
        File.CreateSymbolicLink(Path.Combine(folder, "evil"), "/etc/passwd");

        Refused(folder, "holds evil, which is a link");
    }

    [Fact]
    public void Too_many_files_are_refused() => Refused(
        _packages.Of("Good", "good.nupkg", more: zip =>
        {
            for (var index = 0; index < 4096; index++)
                zip.CreateEntry($"plugin/more/{index}");
        }),
        "holds more than 4096 files");

    [Fact]
    public void Bomb_is_refused() => Refused(
        _packages.Of("Good", "good.nupkg", more: zip =>
        {
            using var entry = zip.CreateEntry("plugin/zeros").Open();
            var mebibyte = new byte[1 << 20];
            for (var index = 0; index < 65; index++)
                entry.Write(mebibyte);
        }),
        "as nothing but a trap does");

    [Fact]
    public void Entry_that_claims_fewer_bytes_than_it_has_is_refused()
    {
        var package = _packages.Of("Good", "good.nupkg", more: zip =>
        {
            using var entry = zip.CreateEntry("plugin/liar").Open();
            entry.Write(new byte[1000]);
        });
        Claim(package, "plugin/liar", 10);

        Refused(package, "is damaged: plugin/liar is not what it was when it was packed");
    }

    /// <summary>Writes another size into the directory of a zip, where it is at 24 bytes before the entry's name of 46.</summary>
    private static void Claim(string package, string name, int bytes)
    {
        var file = File.ReadAllBytes(package);
        var at = file.AsSpan().LastIndexOf(System.Text.Encoding.ASCII.GetBytes(name)) - 46;
        BitConverter.TryWriteBytes(file.AsSpan(at + 24, 4), bytes);
        File.WriteAllBytes(package, file);
    }

    [Theory]
    [InlineData("TooNew", "it was built for contract [2.0,3.0)")]
    [InlineData("Impostor", "is the plugin `metrics`, which comes with the program; give this one another id")]
    public void Plugin_that_this_host_cannot_use_is_refused(string fixture, string sentence) =>
        Refused(_packages.Of(fixture, "odd.nupkg"), sentence);

    [Fact]
    public void What_is_no_package_of_a_plugin_is_refused()
    {
        Refused(_packages.Empty("empty.nupkg", zip => zip.CreateEntry("lib/x.dll")), "holds no plugin, which has a plugin.json");
        File.WriteAllText(_packages.At("text.nupkg"), "no zip");
        Refused(
            _packages.At("text.nupkg"),
            "text.nupkg is not a package that can be read: it is cut off, damaged or no zip archive; it was not installed");
        var whole = File.ReadAllBytes(_packages.Of("Good", "good.nupkg"));
        File.WriteAllBytes(_packages.At("cut.nupkg"), whole[..(whole.Length / 2)]);
        Refused(
            _packages.At("cut.nupkg"),
            "cut.nupkg is not a package that can be read: it is cut off, damaged or no zip archive; it was not installed");
        if (OperatingSystem.IsLinux())
            Refused("/dev/zero", "/dev/zero: this is not a file but a pipe or a device");
        Refused(
            _packages.At("absent.nupkg"),
            "absent.nupkg: there is no such file or folder; a plugin of a feed is installed by its id, with --source FEED");
        Refused(Repository.Root, "is no plugin's folder, which has a plugin.json");
    }

    private void Refused(string source, string sentence)
    {
        var outcome = Plugins("install", source);

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.Empty(Files());
    }

    [Fact]
    public void Plugin_that_is_there_is_not_installed_twice()
    {
        using var fixtures = new Fixtures();
        var package = _packages.Of("Good", "good.nupkg");
        Directory.Move(fixtures.Add("Good"), Path.Combine(_store.Path, "Good"));
        var beside = Plugins("install", package);
        Directory.Delete(Path.Combine(_store.Path, "Good"), recursive: true);
        Install(package);
        var again = Plugins("install", package);

        Assert.Equal(
            (2, $"the plugin `good` is already there, in {_store.Path}/Good; remove one of the two\n"), (beside.ExitCode, beside.Error));
        Assert.Equal(
            (2, "the plugin `good` is installed, in version 0.1.0; `plugins update` replaces it, and `plugins remove good` removes it\n"),
            (again.ExitCode, again.Error));
    }

    [Theory]
    [InlineData("Good.dll", "was changed")]
    [InlineData("plugin.json", "is missing")]
    [InlineData("more.dll", "was added")]
    public void Plugin_whose_files_are_not_those_that_were_installed_is_blocked(string file, string fault)
    {
        var package = _packages.Of("Good", "good.nupkg");
        Install(package);
        var path = Path.Combine((string)Listed("good")!["path"]!, file);
        if (fault == "is missing")
            File.Delete(path);
        else
            File.WriteAllBytes(path, fault == "was added" ? [1] : [.. File.ReadAllBytes(path)[..^1], 1]);

        Assert.Equal(("0.1.0", "blocked", "locked"), State("good"));
        var sentence = $"hash: {file} {fault} since it was installed; `plugins update {package}` puts back what was";
        Assert.Equal(sentence, (string?)Listed("good")!["reason"]);
        Assert.Equal(2, Metric("good/answer").ExitCode);
        Assert.Contains(sentence, Metric("good/answer").Error, StringComparison.Ordinal);
        Assert.Equal(0, Plugins("update", package).ExitCode);
        Assert.Equal(("0.1.0", "active", "locked"), State("good"));
    }

    [Fact]
    public void Link_that_was_put_among_its_files_blocks_a_plugin_and_is_not_followed()
    {
        Install(_packages.Of("Good", "good.nupkg"));
        var folder = (string)Listed("good")!["path"]!;
        File.CreateSymbolicLink(Path.Combine(folder, "circle"), folder);

        Assert.StartsWith("hash: circle was added since it was installed; ", (string?)Listed("good")!["reason"], StringComparison.Ordinal);
    }

    [Fact]
    public void Two_processes_do_not_install_at_once()
    {
        Install(_packages.Of("Good", "good.nupkg"));
        using var other = new FileStream(Path.Combine(_store.Path, ".installed/busy"), FileMode.Open, FileAccess.Write, FileShare.None);

        var outcome = Plugins("remove", "good");

        Assert.Equal(
            (2, $"another process installs into {_store.Path} or removes from it; wait until it is done\n"),
            (outcome.ExitCode, outcome.Error));
        Assert.Equal("active", State("good").Status);
    }

    [Fact]
    public void Lock_that_cannot_be_read_is_named_and_stops_nothing_else()
    {
        Install(_packages.Of("Good", "good.nupkg"));
        File.WriteAllText(Path.Combine(_store.Path, "plugins.lock.json"), "{");

        var listed = Listed("plugins.lock.json")!;
        Assert.Equal("broken", (string?)listed["status"]);
        Assert.Contains(
            "(line 1: this is not JSON, or JSON that was cut off); restore it, or delete it and install anew what it was about",
            (string?)listed["reason"],
            StringComparison.Ordinal);
        Assert.Null(Listed("good"));
        Assert.Equal(2, Plugins("remove", "good").ExitCode);
        Assert.Equal(0, Metric("mse").ExitCode);
    }

    [Fact]
    public void Feed_is_looked_through_for_the_latest_version_that_fits()
    {
        _packages.Of("Good", "a.nupkg", "0.9.0");
        Assert.Equal(0, Plugins("install", "good", "--source", _packages.Feed).ExitCode);
        Assert.Equal("[]\n", Plugins("outdated", "--json").Out);
        var latest = _packages.Of("Good", "b.nupkg", "0.10.0");
        _packages.Of("TooNew", "c.nupkg", "9.0.0");
        _packages.Empty("d.nupkg", zip => zip.CreateEntry("lib/x.dll"));

        var outdated = Assert.Single(JsonNode.Parse(Plugins("outdated", "--json").Out)!.AsArray())!;
        Assert.Equal(
            ("good", "0.9.0", "0.10.0", latest),
            ((string?)outdated["id"], (string?)outdated["installed"], (string?)outdated["latest"], (string?)outdated["package"]));
        var updated = Plugins("update");
        Assert.Contains("good from 0.9.0 to 0.10.0", updated.Out, StringComparison.Ordinal);
        Assert.Equal(("0.10.0", "active", "locked"), State("good"));
        Assert.Contains("nothing is newer", Plugins("update", "good").Out, StringComparison.Ordinal);
        var unfit = Plugins("install", "toonew", "--source", _packages.Feed);
        Assert.Equal(
            (2, $"{_packages.Feed} holds the plugin `toonew` for other contracts than this host's {Contract} only: 9.0.0 for [2.0,3.0)\n"),
            (unfit.ExitCode, unfit.Error));
        Assert.Contains("did you mean `good`?", Plugins("install", "goood", "--source", _packages.Feed).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Server_is_asked_for_the_latest_version_that_fits_and_its_package_is_locked_as_a_file_is()
    {
        using var server = new NugetServer();
        var (early, middle) = (_packages.Of("Good", "a.nupkg", "0.9.0"), _packages.Of("Good", "b.nupkg", "0.10.0"));
        var late = _packages.Of("Good", "c.nupkg", "0.11.0", contract: "[9.0,10.0)");
        server.Give("good", ("0.9.0", early));
        var first = Plugins("install", "good", "--source", server.Address);
        Assert.Equal((0, "", ("0.9.0", "active", "locked")), (first.ExitCode, first.Error, State("good")));
        var locked = JsonNode.Parse(File.ReadAllText(Path.Combine(_store.Path, "plugins.lock.json")))!["plugins"]!["good"]!;
        Assert.Equal((server.Address, $"{server.Address}#good/0.9.0"), ((string?)locked["feed"], (string?)locked["source"]));
        Assert.Equal("[]\n", Plugins("outdated", "--json").Out);

        server.Give("good", ("0.9.0", early), ("0.10.0", middle), ("0.11.0", late), ("0.12.0-beta", middle));
        Assert.Equal("0.10.0", (string?)Assert.Single(JsonNode.Parse(Plugins("outdated", "--json").Out)!.AsArray())!["latest"]);
        Assert.Contains("good from 0.9.0 to 0.10.0", Plugins("update").Out, StringComparison.Ordinal);
        Assert.Equal(("0.10.0", "active", "locked"), State("good"));
        Assert.DoesNotContain("good.0.9.0.nupkg", server.Downloads.Skip(1));
        Assert.DoesNotContain("good.0.12.0-beta.nupkg", server.Downloads);
    }

    [Fact]
    public void Server_that_gives_what_is_no_plugin_of_that_id_or_no_answer_is_refused_in_a_sentence()
    {
        using var server = new NugetServer();
        server.Give("good", ("1.0.0", _packages.Of("SecondGood", "other.nupkg")));
        server.Give("library", ("1.0.0", _packages.Empty("library.nupkg", zip => zip.CreateEntry("lib/x.dll"))));
        server.Give("toonew", ("9.0.0", _packages.Of("TooNew", "new.nupkg", "9.0.0")));
        server.Say("/other.json", new JsonArray());
        server.Say("/empty.json", new JsonObject { ["version"] = "3.0.0", ["resources"] = new JsonArray() });

        Refuses("good", server.Address, "the package `good` 1.0.0 holds the plugin `second`");
        Refuses("library", server.Address, "the package `library` 1.0.0 holds no plugin");
        Refuses("toonew", server.Address, $"holds the plugin `toonew` for other contracts than this host's {Contract} only: 9.0.0 "
            + $"for [2.0,3.0)");
        Refuses("absent", server.Address, "holds no package `absent`");
        Refuses("good", server.Address.Replace("index", "other"), "the server does not answer as a feed of NuGet's");
        Refuses("good", server.Address.Replace("index", "empty"), "the server does not answer as a feed of NuGet's");
        Refuses("good", "http://localhost:1/index.json", "the server does not answer as a feed of NuGet's: Connection refused");
        Refuses("good", "ftp://localhost/index.json", "a feed is a folder of .nupkg files, or an address that begins with "
            + "https:// or http://");
        Refuses("good", "https://me:secret@localhost/index.json", "the address of localhost holds a name or password");
        Assert.Empty(Files());

        void Refuses(string id, string feed, string sentence)
        {
            var outcome = Plugins("install", id, "--source", feed);
            Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
            Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
            Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
            Assert.DoesNotContain("secret", outcome.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Package_that_is_too_large_is_not_taken_from_a_server()
    {
        using var server = new NugetServer();
        server.Give("good", ("1.0.0", _packages.Of("Good", "good.nupkg")));
        using var feed = ServedFeed.At(server.Address, TestContext.Current.CancellationToken, largest: 1000);

        var refusal = Assert.Throws<UsageException>(() => feed.Latest("good"));

        Assert.Contains("the package of good 1.0.0 has more than", refusal.Message, StringComparison.Ordinal);
    }

    private static string Contract => VoxelZoo.Host.Plugins.PluginCatalogue.Contract.ToNormalizedString();

    [Fact]
    public void Update_that_is_refused_leaves_the_version_that_is_there()
    {
        Install(_packages.Of("Good", "good.nupkg"));
        var before = Files();

        var outcome = Plugins("update", _packages.Of("Good", "bad.nupkg", "0.2.0", zip => zip.CreateEntry("plugin/../evil")));

        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal(before, Files());
        Assert.Equal(("0.1.0", "active", "locked"), State("good"));
    }

    [Fact]
    public void What_a_killed_installation_left_is_not_listed_and_goes_with_the_next()
    {
        Install(_packages.Of("Good", "good.nupkg"));
        var hidden = Path.Combine(_store.Path, ".installed");
        foreach (var left in new[] { "~staged/good.nupkg", "good/0123456789ab", "second/0123456789ab" })
            Directory.CreateDirectory(Path.Combine(hidden, left));

        Assert.Equal(("0.1.0", "active", "locked"), State("good"));
        Install(_packages.Of("SecondGood", "second.nupkg"));

        Assert.Equal(
            ["good", "second"], Directory.GetDirectories(hidden).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal));
        Assert.Single(Directory.GetDirectories(Path.Combine(hidden, "good")));
    }

    [Fact]
    public void Removed_plugin_leaves_nothing()
    {
        Install(_packages.Of("Good", "good.nupkg"));

        Assert.Equal(0, Plugins("remove", "good").ExitCode);

        Assert.Null(Listed("good"));
        Assert.Equal([Path.Combine(_store.Path, "plugins.lock.json")], Files());
        Assert.StartsWith(
            $"the plugin `good` is not installed in {_store.Path}", Plugins("remove", "good").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Disabled_plugin_is_left_out_until_it_is_enabled(bool installed)
    {
        using var fixtures = new Fixtures();
        if (installed)
            Install(_packages.Of("Good", "good.nupkg"));
        else
            Directory.Move(fixtures.Add("Good"), Path.Combine(_store.Path, "Good"));

        Assert.Equal(0, Plugins("disable", "good").ExitCode);
        Assert.Equal("disabled", State("good").Status);
        Assert.Contains("it is switched off; `plugins enable good` switches it on", Metric("answer").Error, StringComparison.Ordinal);
        Assert.Equal(0, Plugins("enable", "good").ExitCode);
        Assert.Equal("active", State("good").Status);
        Assert.Contains("comes with the program", Plugins("disable", "unet3d").Error, StringComparison.Ordinal);
        Assert.Contains("did you mean `good`?", Plugins("disable", "goood").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Plugins_of_the_user_lie_in_a_folder_that_is_always_searched()
    {
        var environment = new Dictionary<string, string> { ["XDG_DATA_HOME"] = _store.Path };

        var installed = RunWith(environment, "plugins", "install", _packages.Of("Good", "good.nupkg"));
        var list = JsonNode.Parse(RunWith(environment, "plugins", "list", "--json").Out)!.AsArray();

        Assert.Equal((0, ""), (installed.ExitCode, installed.Error));
        var good = Assert.Single(list, plugin => (string?)plugin!["id"] == "good")!;
        Assert.StartsWith(Path.Combine(_store.Path, "voxelzoo/plugins/.installed/good/"), (string?)good["path"], StringComparison.Ordinal);
        Assert.Equal("active", (string?)good["status"]);
    }
}
