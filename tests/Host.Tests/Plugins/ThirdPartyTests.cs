using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;
using static VoxelZoo.Host.Tests.Plugins.AuthorTools;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>What an author has is the packages alone: packs them, builds plugins against them, runs those in the host.</summary>
public sealed class ThirdPartyTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("VoxelZoo.Abstractions", "buildTransitive/VoxelZoo.Abstractions.targets", "tools/PluginManifest.dll")]
    [InlineData("VoxelZoo.Tensors")]
    [InlineData("VoxelZoo.Conformance")]
    [InlineData("VoxelZoo.Conformance.Xunit", "buildTransitive/VoxelZoo.Conformance.Xunit.targets", "buildTransitive/LoadNativeTorch.cs")]
    public void Build_leaves_a_feed_of_what_authors_need(string id, params string[] more)
    {
        var package = Package(id);

        using var zip = System.IO.Compression.ZipFile.OpenRead(package);
        foreach (var entry in (string[])["README.md", $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml", .. more])
            Assert.NotNull(zip.GetEntry(entry));
        Assert.True(File.Exists(Path.ChangeExtension(package, ".snupkg")));
    }

    [Fact]
    public void Plugin_built_against_the_packed_contract_runs()
    {
        var plugins = _work.At("plugins");

        Build(Path.Combine(Repository.Root, "samples/ThirdParty"), Path.Combine(plugins, "Pointwise"));

        Assert.Equal(
            ["Pointwise.deps.json", "Pointwise.dll", "Pointwise.pdb", "plugin.json"],
            Directory.EnumerateFileSystemEntries(Path.Combine(plugins, "Pointwise"))
                .Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        var listed = JsonNode.Parse(VoxelZooProgram.Run("plugins", "list", "--json", "--plugins", plugins).Out)!.AsArray().Single(
            one => (string?)one!["id"] == "pointwise")!;
        Assert.Equal(("pointwise", "0.3.0", "active"), ((string?)listed["id"], (string?)listed["version"], (string?)listed["status"]));
        Assert.Equal(0.5f, Forward(plugins));
    }

    /// <summary>The two samples, U-ViT and DPM-Solver++, were made by the template and know nothing of this repository.</summary>
    [Fact]
    public void Samples_of_a_third_party_build_prove_themselves_and_train_together()
    {
        string[] names = ["UViT", "DpmSolver"];
        var (from, to) = (Path.Combine(Repository.Root, "samples/Plugins"), _work.At("samples"));
        foreach (var file in names.SelectMany(name => Directory.GetFiles(Path.Combine(from, name), "*", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/bin/") && !file.Contains("/obj/")))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        var solution = _work.Write(
            "samples/all.slnx",
            SolutionOf(names.SelectMany(name => new[] { $"{name}/src/Acme.{name}.csproj", $"{name}/tests/Acme.{name}.Tests.csproj" })));
        Dotnet(["build", solution, "-c", "Release", .. Restoring(_work.At("restored"))]);

        foreach (var name in names)
            RunTests(Path.Combine(to, name, $"tests/bin/Release/net10.0/Acme.{name}.Tests"));
        string[] plugins = [.. names.SelectMany(name => new[] { "--plugins", Path.Combine(to, name, "src/bin/Release/net10.0") })];
        var described = _work.Here(["describe", Path.Combine(to, "DpmSolver/experiments/dpm_solver.yaml"), "--json", .. plugins]);
        Assert.Equal((0, ""), (described.ExitCode, described.Error));
        var info = JsonNode.Parse(_work.Here(["plugins", "info", "acme.uvit", "--json", .. plugins]).Out)!;
        Assert.Equal(["acme.uvit/dct", "acme.uvit/small"], info["experiments"]!.AsArray().Select(name => (string?)name));
        var unknown = _work.Here(["describe", "acme.uvit/smal", .. plugins]);
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains(
            "did you mean `acme.uvit/small`? (it brings acme.uvit/dct, acme.uvit/small)", unknown.Error, StringComparison.Ordinal);

        // one that the plugin brings, which reads a file of the plugin's and loses detail by itself
        var ran = _work.Here(
            ["run", "acme.uvit/dct", "--profile", "smoke", "--run", _work.Run, "--set", "sampling.use=dpm_solver", .. plugins]);
        Assert.True(ran.ExitCode == 0, ran.Error);
        var evaluation = JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "evaluation.json")))!;
        Assert.Equal(["psnr", "ssim"], evaluation["results"]![0]!["reconstructions"]!.AsArray().Select(lost => (string?)lost!["metric"]));
        Assert.All(evaluation["results"]![0]!["reconstructions"]!.AsArray(), lost => Assert.InRange((double)lost!["value"]!, 0.5, 60));
    }

    [Fact]
    public void Model_of_the_readme_has_ten_lines_builds_as_it_stands_and_keeps_the_contract()
    {
        var model = Block("README.md", "csharp");
        Assert.Equal(10, model.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        var project = _work.Write("Tiny/Tiny.csproj", Block("docs/plugins.md", "xml"));
        _work.Write("Tiny/Tiny.cs", model);
        var plugin = _work.At("plugins/Tiny");

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
        SafetensorsFile.Write(_work.At("w"),
        [
            new("conv_in.weight", torch.zeros(new long[] { 4, 2, 1, 1, 1 })), new("conv_in.bias", torch.zeros(4)),
            new("conv_out.weight", torch.zeros(new long[] { 1, 4, 1, 1, 1 })), new("conv_out.bias", torch.full(1, Scalars.S(0.5))),
        ]);
        SafetensorsFile.Write(
            _work.At("i"), [new("input", torch.rand(new long[] { 2, 1, 4, 4, 4 })), new("timesteps", torch.tensor([0f, 1000f]))]);
        var config = _work.Write("c.yaml", "architecture: acme_pointwise\nhidden_channels: 4\n");

        var outcome = VoxelZooProgram.Run(
            "model", "forward", "--plugins", plugins, "--config", config, "--weights", _work.At("w"), "--inputs",
            _work.At("i"), "--out", _work.At("o"));

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        using var found = SafetensorsFile.Read(_work.At("o"));
        Assert.Equal([2, 1, 4, 4, 4], found["output"].shape);
        Assert.Equal(0f, found["output"].std().item<float>());
        return found["output"].mean().item<float>();
    }

    private void Build(string project, string to) => Dotnet(
        [
            "build", project, "-c", "Release", "-o", to, $"-p:BaseIntermediateOutputPath={_work.At("obj")}/",
            .. Restoring(_work.At("restored")),
        ]);
}
