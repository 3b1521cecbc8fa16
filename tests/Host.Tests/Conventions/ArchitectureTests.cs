using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>The arrows of the house: Host → Engine → Abstractions ← plugins, and Tensors below all of them.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["VoxelZoo.Tensors"] = [],
        ["VoxelZoo.Abstractions"] = ["VoxelZoo.Tensors"],
        ["VoxelZoo.Engine"] = ["VoxelZoo.Abstractions", "VoxelZoo.Tensors"],
        ["VoxelZoo.Conformance"] = ["VoxelZoo.Abstractions", "VoxelZoo.Tensors"],
        ["voxelzoo"] = ["VoxelZoo.Abstractions", "VoxelZoo.Conformance", "VoxelZoo.Engine", "VoxelZoo.Tensors"],
    };

    private static string Binaries { get; } = Path.Combine(Repository.Root, "artifacts/bin/Host/release");

    public static TheoryData<string> Ours => new(Allowed.Keys);

    public static TheoryData<string> Plugins => new(Directory.GetDirectories(Path.Combine(Repository.Root, "plugins"))
        .Select(d => Path.GetFileName(d)!).Where(n => File.Exists(Path.Combine(Repository.Root, "plugins", n, n + ".csproj"))));

    [Theory]
    [MemberData(nameof(Ours))]
    public void Assembly_refers_to_those_below_it_only(string name) =>
        Assert.Empty(OursAmong(References(Path.Combine(Binaries, name + ".dll"))).Except(Allowed[name]));

    [Theory]
    [MemberData(nameof(Plugins))]
    public void Plugin_refers_to_the_contract_and_tensors_only(string name)
    {
        var references = References(Path.Combine(Binaries, "plugins", name, name + ".dll"));

        Assert.Empty(OursAmong(references).Except(["VoxelZoo.Abstractions", "VoxelZoo.Tensors"]));
        Assert.Empty(references.Intersect(Plugins.Select(p => p.Data)));
    }

    [Theory]
    [MemberData(nameof(Plugins))]
    public void Plugins_project_refers_to_no_other_project_of_this_repository(string name) =>
        Assert.Empty(XDocument.Load(Path.Combine(Repository.Root, "plugins", name, name + ".csproj")).Descendants("ProjectReference"));

    [Fact]
    public void Engine_knows_no_yaml_no_console_and_no_plugin_loader() =>
        Assert.Empty(References(Path.Combine(Binaries, "VoxelZoo.Engine.dll"))
            .Intersect(
                [
                    "YamlDotNet", "Spectre.Console", "System.CommandLine", "System.Console",
                    "McMaster.NETCore.Plugins", "System.Composition.Hosting",
                ]));

    private static IEnumerable<string> OursAmong(IEnumerable<string> references) =>
        references.Where(r => r.StartsWith("VoxelZoo", StringComparison.OrdinalIgnoreCase));

    private static string[] References(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var reader = file.GetMetadataReader();
        return [.. reader.AssemblyReferences.Select(h => reader.GetString(reader.GetAssemblyReference(h).Name))];
    }
}
