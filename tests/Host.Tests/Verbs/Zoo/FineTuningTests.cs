using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Tests.Verbs.Zoo;

/// <summary><c>train EXP --from</c>: training that begins with an animal, a run or a file, and what of it stays as it is.</summary>
public sealed class FineTuningTests(ExportedAnimal exported) : IDisposable
{
    // too small to change the weights: so the first validation is that of what training started from
    private static readonly string[] Standing =
    [
        "--set", "training.epochs=1", "--set", "training.learning_rate=1e-12", "--set", "training.min_learning_rate=0",
    ];

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Animal_is_taken_as_a_whole_and_that_is_recorded()
    {
        var said = Train("strict", ["--from", exported.Folder, .. Standing]);

        Assert.Equal(Best(exported.Run), Best(_work.At("strict")), 1e-6);
        var start = Start("strict");
        Assert.EndsWith(ExportedAnimal.Id, (string)start["from"]!, StringComparison.Ordinal);
        var denoiser = start["modules"]!["denoiser"]!;
        Assert.Equal((int)denoiser["tensors"]!, (int)denoiser["taken"]!);
        Assert.Equal((long)denoiser["numbers"]!, (long)denoiser["taken_numbers"]!);
        Assert.Contains("taken", said, StringComparison.Ordinal);
    }

    /// <summary>
    /// The bins' channels come between the mask's and the coordinates': channels are told by what they are, not by their place.
    /// </summary>
    [Fact]
    public void New_channels_start_at_zero_so_that_the_loss_is_what_it_was()
    {
        string[] bins = ["--set", "condition.size_bins={through: maps}"];
        var refused = _work.Here([.. Arguments("refused"), "--from", exported.Folder, .. bins]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("of another shape (conv_in.conv.weight", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--matching", refused.Error, StringComparison.Ordinal);

        var said = Train("matching", ["--from", exported.Folder, "--matching", .. bins, .. Standing]);

        Assert.Equal(Best(exported.Run), Best(_work.At("matching")), 1e-6);
        var denoiser = Start("matching")["modules"]!["denoiser"]!;
        Assert.Equal((int)denoiser["tensors"]! - 1, (int)denoiser["taken"]!);
        Assert.Equal("conv_in.conv.weight: 7 of 26 input channels", (string?)denoiser["widened"]!.AsArray().Single());
        Assert.Contains("new channels start at zero", said, StringComparison.Ordinal);
        Train("matching", "--resume", "--set", "training.epochs=2");
    }

    [Fact]
    public void What_does_not_fit_begins_fresh_and_is_named()
    {
        Train("wider", ["--from", exported.Folder, "--matching", "--set", "architecture.channels=[8, 8, 8, 16]", .. Standing]);

        var denoiser = Start("wider")["modules"]!["denoiser"]!;
        Assert.Contains(
            denoiser["fresh"]!.AsArray(), name => (string?)name == "down_blocks.3.attentions.0.attn.to_q.weight: [16, 16] for [8, 8]");
        Assert.InRange((int)denoiser["taken"]!, 20, (int)denoiser["tensors"]! - 20);
    }

    [Fact]
    public void Frozen_parameters_stay_and_the_others_move()
    {
        Train("frozen", ["--from", exported.Folder, "--set", "training.epochs=1", "--set", "training.freeze=[down_blocks.*, 'conv_in.*']"]);

        using var scope = torch.NewDisposeScope();
        using var before = SafetensorsFile.Read(Path.Combine(exported.Folder, "denoiser.safetensors"));
        using var after = SafetensorsFile.Read(_work.At("frozen/checkpoints/step-00000001/denoiser.safetensors"));
        var moved = before.Keys.Where(name => (before[name] - after[name]).abs().max().item<float>() > 0).ToArray();
        Assert.DoesNotContain(
            moved,
            name => name.StartsWith("down_blocks.", StringComparison.Ordinal) || name.StartsWith("conv_in.", StringComparison.Ordinal));
        Assert.Contains("out.2.conv.weight", moved);
        using var moments = SafetensorsFile.Read(_work.At("frozen/checkpoints/step-00000001/optimizer.safetensors"));
        Assert.DoesNotContain(moments.Keys, name => name.StartsWith("down_blocks.", StringComparison.Ordinal));
    }

    [Fact]
    public void Average_goes_on_from_that_of_the_run()
    {
        Train("both", ["--from", exported.Run, "--set", "training.from_weights=both", .. Standing]);

        // the optimiser's weights and their average are two sets, each where it was
        using var scope = torch.NewDisposeScope();
        var best = Path.Combine(exported.Run, "checkpoints", File.ReadAllText(Path.Combine(exported.Run, "checkpoints", "best")).Trim());
        using var raw = SafetensorsFile.Read(Path.Combine(best, "denoiser.safetensors"));
        using var now = SafetensorsFile.Read(_work.At("both/checkpoints/step-00000001/denoiser.safetensors"));
        Assert.All(raw, one => Assert.InRange((now[one.Key] - one.Value).abs().max().item<float>(), 0, 1e-7));
        using var average = SafetensorsFile.Read(_work.At("both/frozen/start_average.safetensors"));
        using var theirs = SafetensorsFile.Read(Path.Combine(best, "ema.safetensors"));
        Assert.All(theirs, one => Assert.True(one.Value.eq(average[one.Key]).all().item<bool>()));
    }

    [Theory]
    [InlineData("--matching says what is taken of the weights that --from names", "--matching")]
    [InlineData("--strict and --matching exclude each other", "--from", "x", "--strict", "--matching")]
    [InlineData("--from goes with a run that begins", "--from", "x", "--resume")]
    [InlineData("--from: there is no run `nobody`", "--from", "nobody")]
    [InlineData("freeze names `encoder.*`, and the network has no such parameter", "--set", "training.freeze=[encoder.*]")]
    [InlineData("freeze names all parameters of the network", "--set", "training.freeze=['*']")]
    [InlineData("from_tensors says what is taken", "--set", "training.from_tensors=matching")]
    [InlineData(
        "from_weights: both goes on with a moving average", "--from", "x", "--set", "training.from_weights=both",
        "--set", "training.ema=null")]
    [InlineData("from_weights: both goes on with the whole network", "--from", "x", "--matching", "--set", "training.from_weights=both")]
    public void What_cannot_be_is_refused_before_anything_is_made(string sentence, params string[] more)
    {
        var refused = _work.Here([.. Arguments("refused"), .. more]);

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(sentence, refused.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("refused")));
    }

    private string[] Arguments(string run) =>
        [
            "train", "quickstart", "--profile", "smoke", "--run", _work.At(run), .. ExportedAnimal.Tiny, "--set",
            $"data.cohort={exported.Run}/cohort",
        ];

    private string Train(string run, params string[] more)
    {
        var arguments = more.Contains("--resume") ? ["train", "quickstart", "--profile", "smoke", "--run", _work.At(run)] : Arguments(run);
        var outcome = _work.Here([.. arguments, .. more]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return outcome.Out;
    }

    private JsonNode Start(string run) => JsonNode.Parse(File.ReadAllText(_work.At($"{run}/provenance.json")))!["start"]!;

    private static double Best(string run) => (double)JsonNode.Parse(File.ReadAllText(Path.Combine(run, "status.json")))!["best"]!["loss"]!;
}
