using System.Text.Json.Nodes;
using System.Xml.Linq;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Tests.Plugins;

public sealed class PluginCatalogueTests : IDisposable
{
    private readonly Fixtures _fixtures = new();

    public void Dispose() => _fixtures.Dispose();

    [Fact]
    public void Good_plugin_is_active_with_what_its_build_wrote()
    {
        var folder = _fixtures.Add("Good");

        var plugin = Assert.Single(Read());

        Assert.Equal((PluginStatus.Active, null), (plugin.Status, plugin.Reason));
        Assert.Equal(("good", "0.1.0", "[1.5,2.0)", folder), (plugin.Id, plugin.Version, plugin.Contract, plugin.Path));
        Assert.Equal(
            [("compressor", "scale", ""), ("metric", "answer", "Always the same.")],
            plugin.Parts.Select(p => (p.Kind, p.Id, p.Summary)));
        Assert.Equal(
            ("Two parts and a private dependency.", "Apache-2.0", "VoxelZoo contributors"),
            (plugin.Summary, plugin.License, plugin.Authors));
    }

    [Fact]
    public void Folder_holds_the_plugin_and_its_private_dependencies_only() =>
        Assert.Equal(
            ["Acme.Private.dll", "Good.deps.json", "Good.dll", "plugin.json"],
            Directory.EnumerateFiles(_fixtures.Add("Good")).Select(f => Path.GetFileName(f)!)
                .Where(f => !f.EndsWith(".pdb", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    [Fact]
    public void Plugin_for_a_later_contract_is_incompatible()
    {
        _fixtures.Add("TooNew");

        Is(PluginStatus.Incompatible, "it was built for contract [2.0,3.0), this host has 1.5.0");
    }

    [Fact]
    public void Plugin_for_an_earlier_contract_is_incompatible()
    {
        Fixtures.Edit(_fixtures.Add("Good"), "contract", "[0.1,1.0)");

        Is(PluginStatus.Incompatible, "it was built for contract [0.1,1.0), this host has 1.5.0");
    }

    [Fact]
    public void Manifest_that_claims_another_contract_than_its_assembly_is_seen_through()
    {
        Fixtures.Edit(_fixtures.Add("TooNew"), "contract", "[1.0,2.0)");

        Is(
            PluginStatus.Incompatible,
            "it was built for contract [2.0,3.0), this host has 1.5.0; use a later version of VoxelZoo, "
            + "or an earlier one of the plugin (plugin.json claims [1.0,2.0))");
    }

    [Fact]
    public void Manifest_with_the_id_of_another_plugin_is_refused()
    {
        Fixtures.Edit(_fixtures.Add("Good"), "id", "unet3d");

        Is(PluginStatus.Broken, "plugin.json says `unet3d`, but Good.dll is the plugin `good`");
    }

    [Fact]
    public void Manifest_with_a_part_that_the_assembly_lacks_is_refused()
    {
        Fixtures.Edit(_fixtures.Add("Good"), "parts", new JsonArray(new JsonObject { ["kind"] = "architecture", ["id"] = "unet3d" }));

        Is(PluginStatus.Broken, "plugin.json names the architecture `unet3d`, which Good.dll does not hold");
    }

    [Fact]
    public void Manifest_with_a_part_of_an_unknown_kind_is_refused()
    {
        Fixtures.Edit(_fixtures.Add("Good"), "parts", new JsonArray(new JsonObject { ["kind"] = "sorcery", ["id"] = "x" }));

        Is(PluginStatus.Broken, "plugin.json names a part of the unknown kind `sorcery`");
    }

    [Theory]
    [InlineData("{", "plugin.json is not valid JSON at line 1")]
    [InlineData("[]", "plugin.json is not a JSON object")]
    [InlineData("{\"id\": 3}", "plugin.json")]
    [InlineData("{\"id\": \"x\", \"version\": \"1\", \"contract\": \"sometime\"}", "the contract `sometime` is no version range")]
    [InlineData("{\"contract\": \"[1.0,2.0)\", \"version\": \"1\", \"parts\": []}", "plugin.json has no `id`")]
    [InlineData("{\"contract\": \"[1.0,2.0)\", \"version\": \"1\", \"id\": \"x\", \"parts\": [3]}", "plugin.json has no `kind`")]
    [InlineData("{\"contract\": \"[1.0,2.0)\", \"version\": \"1\", \"id\": \"\\ud800\", \"parts\": []}", "plugin.json: `id` is not a text")]
    [InlineData(
        "{\"contract\": \"[1.0,2.0)\", \"version\": \"1\", \"id\": \"\\u001b[31m\", \"parts\": []}", "plugin.json: `id` is not a text")]
    public void Manifest_that_is_no_manifest_is_refused(string manifest, string reason)
    {
        File.WriteAllText(Path.Combine(_fixtures.Add("Good"), "plugin.json"), manifest);

        Is(PluginStatus.Broken, reason);
    }

    [Theory]
    [InlineData("plugin.json", "there is no plugin.json")]
    [InlineData("Good.dll", "there is no ")]
    [InlineData("Acme.Private.dll", "Acme.Private.dll, which Good.deps.json names, is missing")]
    public void Folder_that_lacks_a_file_is_broken(string file, string reason)
    {
        File.Delete(Path.Combine(_fixtures.Add("Good"), file));

        Is(PluginStatus.Broken, reason);
    }

    [Fact]
    public void Assembly_that_is_missing_is_called_as_it_was_built()
    {
        File.Delete(Path.Combine(_fixtures.Add("Good", "Renamed"), "Good.dll"));

        Is(PluginStatus.Broken, "there is no Good.dll, whose Good.deps.json is there");
    }

    [Fact]
    public void Dependency_that_no_file_names_is_missed_by_what_the_assembly_refers_to()
    {
        var folder = _fixtures.Add("Good");
        File.Delete(Path.Combine(folder, "Good.deps.json"));
        File.Delete(Path.Combine(folder, "Acme.Private.dll"));

        Is(PluginStatus.Broken, "Acme.Private.dll, which Good.dll refers to, is missing");
    }

    [Fact]
    public void Manifest_that_names_a_part_twice_is_refused()
    {
        var part = new JsonObject { ["kind"] = "metric", ["id"] = "answer" };
        Fixtures.Edit(_fixtures.Add("Good"), "parts", new JsonArray(part, part.DeepClone()));

        Is(PluginStatus.Broken, "plugin.json names the metric `answer` twice; build the plugin anew");
    }

    [Fact]
    public void Class_that_is_marked_as_a_part_and_not_public_is_found_before_anything_runs() =>
        // this assembly has such ones
        Assert.Equal(
            "the class OwnMetric is marked as a part and is not public; a part is a public sealed class",
            PluginManifest.PluginMetadata.Read(typeof(PluginCatalogueTests).Assembly.Location).Unusable);

    [Theory]
    [InlineData("[1.6,2.0)", "use a later version of VoxelZoo, or an earlier one of the plugin")]
    [InlineData("[0.1,1.0)", "use a later version of the plugin, or build it anew against this contract")]
    public void Plugin_for_another_contract_says_what_to_do(string contract, string remedy)
    {
        Fixtures.Edit(_fixtures.Add("Good"), "contract", contract);

        Is(PluginStatus.Incompatible, $"it was built for contract {contract}, this host has 1.5.0; {remedy}");
    }

    [Fact]
    public void What_lies_in_the_folder_of_plugins_and_is_none_is_named()
    {
        Directory.CreateSymbolicLink(Path.Combine(_fixtures.Folder, "Circle"), "Circle");
        Directory.CreateSymbolicLink(Path.Combine(_fixtures.Folder, "Gone"), "/no/such/plugin");
        File.WriteAllText(Path.Combine(_fixtures.Folder, "acme.1.0.0.nupkg"), "");
        File.WriteAllText(Path.Combine(_fixtures.Folder, "Acme.dll"), "");
        File.WriteAllText(Path.Combine(_fixtures.Folder, "README.md"), "");

        Assert.Equal(
            [
                (
                    "Acme.dll",
                    "it lies in the folder of plugins itself; a plugin is a folder with a plugin.json, "
                    + "so put all that its build leaves into a folder of its own"),
                ("Circle", "it is a link to Circle, which is not there"),
                ("Gone", "it is a link to /no/such/plugin, which is not there"),
                (
                    "acme.1.0.0.nupkg",
                    "it lies in the folder of plugins itself; a plugin is a folder with a plugin.json, so unpack it into one of its own"),
            ],
            Read().Select(p => (p.Id, p.Reason!)));
    }

    [Fact]
    public void Plugins_own_folder_without_its_manifest_is_broken_and_no_folder_of_none()
    {
        var folder = _fixtures.Add("Good");
        File.Delete(Path.Combine(folder, "plugin.json"));

        Assert.StartsWith("there is no plugin.json", Assert.Single(PluginCatalogue.Read(folder).Plugins).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Assembly_that_is_none_is_broken()
    {
        File.WriteAllText(Path.Combine(_fixtures.Add("Good"), "Good.dll"), "not a program");

        Is(PluginStatus.Broken, "Good.dll is damaged or not a .NET assembly");
    }

    [Fact]
    public void Assembly_whose_metadata_is_damaged_is_broken()
    {
        // the high byte of the number of streams (ECMA-335, II.24.2.1): its reader overflows
        var path = Path.Combine(_fixtures.Add("Good"), "Good.dll");
        var assembly = File.ReadAllBytes(path);
        assembly[assembly.AsSpan().IndexOf("BSJB"u8) + 0x1F] = 0x80;
        File.WriteAllBytes(path, assembly);

        Is(PluginStatus.Broken, "Good.dll is damaged or not a .NET assembly");
    }

    [Fact]
    public void Dependencies_that_are_no_json_are_refused_by_name()
    {
        File.WriteAllText(Path.Combine(_fixtures.Add("Good"), "Good.deps.json"), "{");

        Is(PluginStatus.Broken, "Good.deps.json is not valid JSON at line 1");
    }

    [Fact]
    public void Every_shared_assembly_is_refused_by_name()
    {
        foreach (var name in PluginFolder.SharedAssemblies)
        {
            var copy = Path.Combine(_fixtures.Add("Good", name), name + ".dll");
            File.Copy(typeof(PluginFolder).Assembly.Location, copy);
        }

        Assert.Equal(
            PluginFolder.SharedAssemblies.Order(StringComparer.Ordinal)
                .Select(n => $"the folder holds a copy of {n}.dll, which the host shares"),
            Read().Select(p => p.Reason!.Split(';')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Shared_assemblies_are_those_that_builds_leave_out()
    {
        var props = XDocument.Load(Path.Combine(Repository.Root, "src/Abstractions/build/VoxelZoo.Shared.props"));

        Assert.Equal(
            props.Descendants("VoxelZooSharedAssembly")
                .SelectMany(e => e.Attribute("Include")!.Value.Split(';')).Order(StringComparer.Ordinal),
            PluginFolder.SharedAssemblies.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Two_folders_with_one_id_are_refused_with_both_paths()
    {
        var (one, two) = (_fixtures.Add("Good"), _fixtures.Add("Good", "Good copy"));

        Assert.Equal(
            [(PluginStatus.Duplicate, one, two), (PluginStatus.Duplicate, two, one)],
            Read().Select(p => (p.Status, p.Path, p.Reason!.Split(" is also in ")[1].Split(';')[0])));
    }

    [Fact]
    public void Plugins_own_folder_can_be_named()
    {
        var folder = _fixtures.Add("Good", "net10.0");

        Assert.Equal(PluginStatus.Active, Assert.Single(PluginCatalogue.Read(folder).Plugins).Status);
    }

    [Fact]
    public void Broken_plugin_leaves_the_others_alone()
    {
        File.Delete(Path.Combine(_fixtures.Add("Good"), "Good.dll"));
        _fixtures.Add("SecondGood");

        Assert.Equal([("good", PluginStatus.Broken), ("second", PluginStatus.Active)], Read().Select(p => (p.Id, p.Status)));
    }

    [Fact]
    public void Reading_loads_no_plugin()
    {
        _fixtures.Add("TooNew", "TooNew");

        Read();

        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), a => a.GetName().Name == "TooNew");
    }

    private void Is(PluginStatus status, string reason)
    {
        var plugin = Assert.Single(Read());
        Assert.Equal(status, plugin.Status);
        Assert.StartsWith(reason, plugin.Reason, StringComparison.Ordinal);
    }

    private IReadOnlyList<Plugin> Read() => PluginCatalogue.Read(_fixtures.Folder).Plugins;
}
