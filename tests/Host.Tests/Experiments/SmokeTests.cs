using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Tests.Experiments;

/// <summary>One experiment of each kind is trained by the program.</summary>
public sealed class SmokeTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("exp1")]
    [InlineData("exp4")]
    [InlineData("exp8")]
    [InlineData("exp11")]
    [InlineData("exp14_1")]
    public void Smoke_profile_trains_to_the_end(string id)
    {
        var outcome = _work.Smoke(id);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var status = JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!;
        Assert.Equal(("completed", 2, 4), ((string?)status["status"], (int)status["epoch"]!, (int)status["step"]!));
        Assert.Equal(id == "exp8", Directory.GetFiles(Path.Combine(_work.Run, "checkpoints"), "ema.safetensors", SearchOption.AllDirectories).Length > 0);
    }

    [Fact]
    public void Description_as_json_has_the_documented_keys()
    {
        var found = JsonNode.Parse(_work.Program("describe", "exp1", "--json").Out)!.AsObject();

        Assert.Superset(
            new HashSet<string>
            {
                "id", "architecture", "compressor", "strategy", "target", "input_shape", "latent_shape", "model_input_channels",
                "model_output_channels", "tokens", "parameters", "training",
            },
            found.Select(field => field.Key).ToHashSet());
        Assert.Equal(["denoiser", "conditioning", "compressor"], found["parameters"]!.AsObject().Select(field => field.Key));
        Assert.Equal("bfloat16", (string?)found["training"]!["precision"]);
    }
}
