using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Tests.Experiments;

/// <summary>Diffusion rejection sampling by the program: a run, its discriminator, samples in both modes.</summary>
public sealed class DiffrsTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Run_gets_a_discriminator_and_is_sampled_by_it()
    {
        Assert.Equal(0, _work.Smoke("exp1").ExitCode);

        var without = _work.Program("sample", _work.Run, "--solver", "diffrs", "--count", "1");
        Assert.Equal((2, $"{_work.Run} has no discriminator, by whose judgement diffrs rejects; train it: `voxelzoo train-diffrs {_work.Run}`\n"), (without.ExitCode, without.Error));

        var trained = _work.Program("train-diffrs", _work.Run, "--epochs", "2", "--steps", "2", "--json");
        Assert.True(trained.ExitCode == 0, trained.Error);
        Assert.Equal(2, JsonNode.Parse(trained.Out)!["epochs"]!.AsArray().Count);
        Assert.Contains("epoch 2/2: loss ", trained.Error, StringComparison.Ordinal);

        // full correction goes back, at the price of calls; lightweight makes the ten of the warm-up and its own
        var full = Sample();
        Assert.True((int)full["function_evaluations"]! >= 11 * 3);
        Assert.Equal("1", $"{full["sampler_options"]!["backsteps"]}");
        var light = Sample("--set", "sampling.backsteps=0");
        Assert.Equal(11 * 3, (int)light["function_evaluations"]!);
        Assert.True((int)light["judgements"]! >= 11 * 4);

        // the volume says so by itself
        var info = JsonNode.Parse(_work.Program("data", "info", Path.Combine(_work.Run, "samples", "00000", "bravo.nii.gz"), "--json").Out)!;
        Assert.True(JsonNode.DeepEquals(light, info["comments"]![0]));
        var text = _work.Program("data", "info", Path.Combine(_work.Run, "samples", "00000", "bravo.nii.gz")).Out;
        Assert.Contains((string)light["discriminator_sha256"]!, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--epochs 0", "--epochs is 0; give at least 1")]
    [InlineData("--steps 0", "--set sampling.steps: `steps` is 0, must be at least 1")]
    public void Wrong_training_is_refused(string arguments, string sentence)
    {
        _work.Write("run/experiment.yaml", File.ReadAllText(Path.Combine(Repository.Root, "experiments", "exp1.yaml")));
        Refused(sentence, ["train-diffrs", _work.Run, .. arguments.Split(' ')]);
    }

    [Fact]
    public void Set_of_what_was_trained_is_refused()
    {
        _work.Write("run/experiment.yaml", File.ReadAllText(Path.Combine(Repository.Root, "experiments", "exp1.yaml")));
        Refused("--set strategy.use: only keys of `sampling` can differ", "sample", _work.Run, "--set", "strategy.use=ddpm");
    }

    private JsonNode Sample(params string[] more)
    {
        var outcome = _work.Program(["sample", _work.Run, "--solver", "diffrs", "--steps", "3", "--count", "1", .. more]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "samples", "00000", "sample.json")))!;
    }

    private void Refused(string sentence, params string[] arguments)
    {
        var outcome = _work.Program(arguments);
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
    }
}
