using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>
/// Plugins that were built once against an early contract of this major and are kept as they are: they load and keep the contract for ever.
/// </summary>
public sealed class GoldenPluginTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private static string Folder(string contract) => Path.Combine(Repository.Root, "tests/Golden", $"contract-{contract}", "Golden");

    [Theory]
    [InlineData("1.0", "golden10")]
    [InlineData("1.1", "golden11")]
    [InlineData("1.5", "golden15")]
    public void Plugin_of_an_early_contract_has_a_part_of_each_kind_that_keeps_todays(string contract, string id)
    {
        var info = JsonNode.Parse(VoxelZooProgram.RunHere("plugins", "info", id, "--json", "--plugins", Folder(contract)).Out)!;
        var outcome = VoxelZooProgram.Run("plugins", "verify", Folder(contract), "--json");

        Assert.Equal(("active", $"[{contract},2.0)"), ((string?)info["status"], (string?)info["contract"]));
        Assert.Equal(0, outcome.ExitCode);
        var verified = JsonNode.Parse(outcome.Out)!["checks"]!.AsArray().Select(check => (string?)check!["part"]).Distinct().Count();
        Assert.Equal(info["parts"]!.AsArray().Count, verified);
        Assert.Equal(
            ["architecture", "augmentation", "compressor", "metric", "sampler", "strategy"],
            info["parts"]!.AsArray().Select(part => (string?)part!["kind"]).Distinct());
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.5")]
    public void Experiment_of_its_parts_alone_is_planned(string contract)
    {
        var experiment = _work.Write("e.yaml", $$"""
            id: golden
            data: {depth: 16, height: 32, width: 32, original_depth: 16, cohort: {{_work.At("")}} }
            target: bravo
            compressor: {use: golden_space_to_depth}
            architecture: {use: golden_acme_pointwise}
            strategy: golden_rflow
            augmentations: [golden_sda]
            sampling: {use: golden_euler, steps: 2}
            evaluation: {metrics: [golden_psnr]}

            """);

        var outcome = _work.Here("describe", experiment, "--json", "--plugins", Folder(contract));

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("golden_rflow", (string?)JsonNode.Parse(outcome.Out)!["strategy"]);
    }
}
