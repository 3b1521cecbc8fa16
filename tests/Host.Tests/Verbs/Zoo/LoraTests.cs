using System.Text.Json.Nodes;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Zoo;

/// <summary><c>training.lora</c>: a run that trains a low-rank change of an animal.</summary>
public sealed class LoraTests(ExportedAnimal exported) : IDisposable
{
    private static readonly string[] Lora = ["--set", "training.lora={rank: 2, on: ['*.attn.*', conv_in.conv]}"];

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Adapter_is_a_file_of_its_own_that_trains_resumes_samples_and_ships()
    {
        Done([.. Arguments("lora"), .. Lora, "--from", exported.Folder]);
        var weights = Directory.GetFiles(_work.At("lora/checkpoints/step-00000002"), "*.safetensors")
            .Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal);
        Assert.Equal(["adapter", "adapter_ema", "adapter_optimizer"], weights);
        // the base is the animal's, to the byte
        Assert.Equal(
            FileFacts.Of(Path.Combine(exported.Folder, "denoiser.safetensors")), FileFacts.Of(_work.At("lora/frozen/start.safetensors")));

        // for other programs and for what begins with it, the change is in the weights
        Done("weights", "export", _work.At("lora"), "--out", _work.At("lora.safetensors"));
        Done(
            [
                .. Arguments("again"), "--from", _work.At("lora"), "--set", "training.epochs=1", "--set", "training.learning_rate=1e-12",
                "--set", "training.min_learning_rate=0",
            ]);
        Assert.Equal(FileFacts.Of(_work.At("lora.safetensors")), FileFacts.Of(_work.At("again/frozen/start.safetensors")));
        Assert.Equal(Best("lora"), Best("again"), 1e-6);
        var moments = _work.Here([.. Arguments("refused"), "--from", _work.At("lora"), "--set", "training.from_optimizer=true"]);
        Assert.Equal((2, false), (moments.ExitCode, Path.Exists(_work.At("refused"))));
        Assert.Contains("whose moments and average are of its factors", moments.Error, StringComparison.Ordinal);

        Done("train", "quickstart", "--profile", "smoke", "--run", _work.At("lora"), "--resume", "--set", "training.epochs=3");
        Assert.Equal(
            FileFacts.Of(Path.Combine(exported.Folder, "denoiser.safetensors")), FileFacts.Of(_work.At("lora/frozen/start.safetensors")));
        Done("sample", _work.At("lora"), "--count", "1", "--out", _work.At("run"));
        Assert.Equal("adapter_ema", (string?)JsonNode.Parse(File.ReadAllText(_work.At("run/00000/sample.json")))!["weights"]);

        Done(
            "evaluate", _work.At("lora"), "--set", "evaluation.metrics=[sharpness, memorisation]", "--set",
            "evaluation.generate={count: 2}", "--checkpoint", "best");
        Done(
            "zoo",
            "export",
            _work.At("lora"),
            "--as",
            "unet3d/adapted",
            "--facts",
            _work.Write("facts.yaml", File.ReadAllText(exported.Facts) + "\ndata: The cohort of another run."),
            "--zoo",
            _work.At("zoo"));
        Assert.Equal(0, _work.Here("zoo", "verify", _work.At("zoo/unet3d/adapted")).ExitCode);
        Done("sample", _work.At("zoo/unet3d/adapted"), "--count", "1", "--out", _work.At("animal"));
        Assert.Equal(Volume("run"), Volume("animal"));
    }

    [Fact]
    public void Under_two_percent_of_a_network_of_the_index_are_trained()
    {
        var described = _work.Here(
            "describe", "exp1", "--set", "training.from=somewhere", "--set", "training.lora={rank: 8, on: ['*.attn.*']}", "--json");
        Assert.True(described.ExitCode == 0, described.Error);

        var counts = JsonNode.Parse(described.Out)!["parameters"]!;
        Assert.InRange((double)counts["adapter"]! / (double)counts["denoiser"]!, 1e-4, 0.02);
    }

    [Theory]
    [InlineData("lora changes a trained denoiser a little, and training.from names none")]
    [InlineData(
        "lora.on names `nowhere*`, and the network has no linear layer", "--from", "x", "--set", "training.lora={on: ['nowhere*']}")]
    [InlineData("from_tensors: matching leaves some of the weights fresh", "--from", "x", "--matching")]
    [InlineData("freeze leaves parameters as they are", "--from", "x", "--set", "training.freeze=['*']")]
    [InlineData("the key `on` is missing", "--from", "x", "--set", "training.lora=null", "--set", "training.lora={rank: 4}")]
    public void What_cannot_be_is_refused_before_anything_is_made(string sentence, params string[] more)
    {
        var refused = _work.Here([.. Arguments("refused"), .. Lora, .. more]);

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(sentence, refused.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("refused")));
    }

    [Fact]
    public void Damaged_weights_to_begin_with_are_refused()
    {
        var damaged = _work.Write("damaged.safetensors", "no tensors");

        var refused = _work.Here([.. Arguments("refused"), "--from", damaged]);

        Assert.Equal((2, false), (refused.ExitCode, Path.Exists(_work.At("refused"))));
        Assert.Contains("damaged.safetensors", refused.Error, StringComparison.Ordinal);
    }

    private string[] Arguments(string run) =>
        [
            "train", "quickstart", "--profile", "smoke", "--run", _work.At(run), .. ExportedAnimal.Tiny, "--set",
            $"data.cohort={exported.Run}/cohort",
        ];

    private double Best(string run) => (double)JsonNode.Parse(File.ReadAllText(_work.At($"{run}/status.json")))!["best"]!["loss"]!;

    private float[] Volume(string folder) => NiftiFile.Read(_work.At($"{folder}/00000/bravo.nii.gz")).Intensities.ToArray();

    private void Done(params string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }
}
