using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Host.Tests.Configuration;
using VoxelZoo.Tensors;
using static VoxelZoo.Host.Tests.Programs.AuthorTools;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>What an author has is the packages alone: packs them, builds plugins against them, runs those in the host.</summary>
public sealed class ThirdPartyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("VoxelZoo.Abstractions", "buildTransitive/VoxelZoo.Abstractions.targets", "tools/PluginManifest.dll")]
    [InlineData("VoxelZoo.Tensors")]
    [InlineData("VoxelZoo.Conformance")]
    [InlineData("VoxelZoo.Conformance.Xunit", "buildTransitive/VoxelZoo.Conformance.Xunit.targets", "buildTransitive/LoadNativeTorch.cs")]
    public void Build_leaves_a_feed_of_what_authors_need(string id, params string[] more)
    {
        var package = Assert.Single(Directory.GetFiles(Feed, $"{id}.?.?.?.nupkg"));

        using var zip = System.IO.Compression.ZipFile.OpenRead(package);
        foreach (var entry in (string[])["README.md", $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml", .. more])
            Assert.NotNull(zip.GetEntry(entry));
        Assert.True(File.Exists(Path.ChangeExtension(package, ".snupkg")));
    }

    [Fact]
    public void Plugin_built_against_the_packed_contract_runs()
    {
        var plugins = Path.Combine(_folder.Path, "plugins");

        Build(Path.Combine(Repository.Root, "samples/ThirdParty"), Path.Combine(plugins, "Pointwise"));

        Assert.Equal(
            ["Pointwise.deps.json", "Pointwise.dll", "Pointwise.pdb", "plugin.json"],
            Directory.EnumerateFileSystemEntries(Path.Combine(plugins, "Pointwise")).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        var listed = JsonNode.Parse(VoxelZooProgram.Run("plugins", "list", "--json", "--plugins", plugins).Out)!.AsArray().Single(one => (string?)one!["id"] == "pointwise")!;
        Assert.Equal(("pointwise", "0.3.0", "active"), ((string?)listed["id"], (string?)listed["version"], (string?)listed["status"]));
        Assert.Equal(0.5f, Forward(plugins));
    }

    [Fact]
    public void Model_of_the_readme_has_ten_lines_builds_as_it_stands_and_keeps_the_contract()
    {
        var model = Block("README.md", "csharp");
        Assert.Equal(10, model.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        var project = _folder.Write("Tiny/Tiny.csproj", Block("docs/plugins.md", "xml"));
        _folder.Write("Tiny/Tiny.cs", model);
        var plugin = Path.Combine(_folder.Path, "plugins/Tiny");

        Build(project, plugin);

        var outcome = VoxelZooProgram.Run("plugins", "verify", plugin);
        Assert.True(outcome.ExitCode == 0, outcome.Out + outcome.Error);
    }

    /// <summary>The first block of that language in a page.</summary>
    private static string Block(string page, string language) =>
        File.ReadAllText(Path.Combine(Repository.Root, page)).Split($"```{language}\n")[1].Split("```")[0];

    // with weights of zero the last bias is the prediction
    private float Forward(string plugins)
    {
        using var scope = torch.NewDisposeScope();
        string At(string name) => Path.Combine(_folder.Path, name);
        SafetensorsFile.Write(At("w"),
        [
            new("conv_in.weight", torch.zeros(new long[] { 4, 2, 1, 1, 1 })), new("conv_in.bias", torch.zeros(4)),
            new("conv_out.weight", torch.zeros(new long[] { 1, 4, 1, 1, 1 })), new("conv_out.bias", torch.full(1, Scalars.S(0.5))),
        ]);
        SafetensorsFile.Write(At("i"), [new("input", torch.rand(new long[] { 2, 1, 4, 4, 4 })), new("timesteps", torch.tensor([0f, 1000f]))]);
        var config = _folder.Write("c.yaml", "architecture: acme_pointwise\nhidden_channels: 4\n");

        var outcome = VoxelZooProgram.Run("model", "forward", "--plugins", plugins, "--config", config, "--weights", At("w"), "--inputs", At("i"), "--out", At("o"));

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        using var found = SafetensorsFile.Read(At("o"));
        Assert.Equal([2, 1, 4, 4, 4], found["output"].shape);
        Assert.Equal(0f, found["output"].std().item<float>());
        return found["output"].mean().item<float>();
    }

    private void Build(string project, string to) => Dotnet(
        ["build", project, "-c", "Release", "-o", to, $"-p:BaseIntermediateOutputPath={Path.Combine(_folder.Path, "obj")}/", .. Restoring(Path.Combine(_folder.Path, "restored"))]);
}
