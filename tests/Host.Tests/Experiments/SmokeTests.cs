using System.Text.Json.Nodes;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Tests.Experiments;

/// <summary>Every experiment is trained and sampled by the program.</summary>
public sealed class SmokeTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    /// <summary>Every experiment that ships, but for those that others extend.</summary>
    public static TheoryData<string> Experiments =>
        [.. ExperimentFolder.List(Path.Combine(Repository.Root, "experiments")).Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Experiments))]
    public void Smoke_profile_trains_samples_evaluates_and_reports(string id)
    {
        var outcome = _work.Program("run", id, "--profile", "smoke", "--run", _work.Run);

        Assert.True(outcome.ExitCode == 0, $"{outcome.ExitCode}: {outcome.Error}");
        // warnings are of the plan: rflow on wavelets
        Assert.All(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("warning: haar with rflow", line, StringComparison.Ordinal));
        var status = JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!;
        Assert.Equal(("completed", 2), ((string?)status["status"], (int)status["epoch"]!));
        Assert.True((int)status["step"]! >= 2);
        var sample = Assert.Single(Directory.GetDirectories(Path.Combine(_work.Run, "samples")));
        Assert.NotEmpty(Directory.GetFiles(sample, "*.nii.gz"));
        Assert.Contains("montage.png", File.ReadAllText(Path.Combine(_work.Run, "report.md")), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml")).Contains("ema:", StringComparison.Ordinal),
            Directory.GetFiles(Path.Combine(_work.Run, "checkpoints"), "ema.safetensors", SearchOption.AllDirectories).Length > 0);
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
