using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Features;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.Verbs.Features;

/// <summary><c>features</c>; what the networks make is tested beside torchvision, in Tensors.</summary>
public sealed class FeaturesVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string At(string name) => Path.Combine(_folder.Path, name);

    [Fact]
    public void Networks_are_listed_with_weights_and_preprocessing()
    {
        var outcome = RunHere("features", "list", "--json");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var networks = JsonNode.Parse(outcome.Out)!.AsArray();
        Assert.Equal(
            [("resnet50_imagenet", 2048), ("resnet50_radimagenet", 2048), ("biomedclip", 512)],
            networks.Select(n => ((string)n!["id"]!, (int)n["dimensions"]!)));
        Assert.All(networks, network => Assert.Equal(64, ((string)network!["preprocessing_sha256"]!).Length));
    }

    [Fact]
    public void Exported_file_is_read_by_metrics_and_named_in_results()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(1);
        using (var network = FeatureNetworkKind.All[0].Build(torch.CPU))
            SafetensorsFile.Write(At("weights.safetensors"), Weights.Of(network).Append(new("fc.bias", torch.zeros(3))));
        SafetensorsFile.Write(
            At("in.safetensors"), [new("reference", torch.rand([1, 1, 3, 32, 32])), new("generated", torch.rand([1, 1, 3, 32, 32]))]);
        var file = At("features.safetensors");

        var exported = RunHere("features", "export", "resnet50_imagenet", "--weights", At("weights.safetensors"), "--out", file);
        var check = RunHere("features", "check", file, "--json");
        var lpips = Run("metric", "lpips", "--inputs", At("in.safetensors"), "--set", $"network={file}", "--json");
        var kid = Run("metric", "kid", "--inputs", At("in.safetensors"), "--set", $"extractor={file}", "--set", "bootstrap=0", "--json");

        Assert.Equal(
            (0, $"warning: left out of {At("weights.safetensors")}, because it is not of resnet50_imagenet: fc.bias\n"),
            (exported.ExitCode, exported.Error));
        Assert.Equal((0, 0, 0), (check.ExitCode, lpips.ExitCode, kid.ExitCode));
        var facts = JsonNode.Parse(check.Out)!;
        var id = $"resnet50_imagenet (sha256 {facts["sha256"]}, preprocessing {((string)facts["preprocessing_sha256"]!)[..16]})";
        Assert.Equal((id, id), ((string?)JsonNode.Parse(lpips.Out)!["extractor"], (string?)JsonNode.Parse(kid.Out)!["extractor"]));
        Assert.Equal(
            (3.0, 2048.0),
            ((double)JsonNode.Parse(kid.Out)!["details"]!["n_real"]!, (double)JsonNode.Parse(kid.Out)!["details"]!["dimensions"]!));
        Assert.True((double)JsonNode.Parse(lpips.Out)!["value"]! > 0);
    }

    [Theory]
    [InlineData(
        "export resnet50 --weights a.safetensors --out b.safetensors",
        "there is no network `resnet50`; name one of resnet50_imagenet, resnet50_radimagenet, biomedclip")]
    [InlineData("export biomedclip --weights no.bin --out b.safetensors", "no.bin: there is no such file")]
    [InlineData("export biomedclip --weights a.safetensors --out b.pt", "--out b.pt: a file of features ends with .safetensors")]
    [InlineData("export biomedclip --weights no.safetensors --out b.safetensors", "no.safetensors: there is no such file")]
    [InlineData("check no.safetensors", "no.safetensors: there is no such file")]
    public void What_cannot_be_exported_is_refused(string arguments, string sentence)
    {
        var outcome = RunHere(["features", .. arguments.Split(' ')]);

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Metric_refuses_a_file_that_holds_no_features()
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsFile.Write(
            At("in.safetensors"), [new("reference", torch.rand([2, 1, 3, 32, 32])), new("generated", torch.rand([2, 1, 3, 32, 32]))]);

        var outcome = RunHere("metric", "fid", "--inputs", At("in.safetensors"), "--set", $"extractor={At("in.safetensors")}");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("does not say which network's features it holds", outcome.Error, StringComparison.Ordinal);
    }
}
