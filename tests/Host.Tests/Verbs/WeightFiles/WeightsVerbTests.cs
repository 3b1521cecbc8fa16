using System.Diagnostics;
using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.Verbs.WeightFiles;

/// <summary><c>weights show|import|export</c>: files of weights, of other programs and for them.</summary>
public sealed class WeightsVerbTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private static readonly string Reference = Path.Combine(Repository.Root, "tests/Reference");
    private static readonly string UNet = $"{Reference}/unet3d-tiny.weights.safetensors";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The references know the options by which Python built the networks.</summary>
    [Theory]
    [InlineData("unet3d", "unet3d-tiny")]
    [InlineData("vqvae", "vqvae3d-tiny")]
    [InlineData("kl", "kl3d-tiny")]
    [InlineData("kl", "kl3d-attention-tiny")]
    [InlineData("wdm", "wdm-tiny")]
    [InlineData("dit", "dit3d-tiny", "--set", "input_size=4", "--set", "depth_size=8")]
    [InlineData(
        "dit", "dit3d-cross-tiny", "--set", "input_size=6", "--set", "width_size=8", "--set", "depth_size=4", "--set",
        "learn_sigma=true", "--set", "out_channels=2")]
    public void Options_are_read_from_the_shapes(string id, string name, params string[] sets)
    {
        var outcome = RunHere(
            [
                "weights", "import", $"{Reference}/{name}.weights.safetensors", "--as", id, "--out",
                At("out.safetensors"), "--json", .. sets,
            ]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);

        var (said, expected) = (JsonNode.Parse(outcome.Out)!, JsonNode.Parse(File.ReadAllText($"{Reference}/{name}.json"))!.AsObject());
        var kind = expected.ContainsKey("architecture") ? "architecture" : "compressor";
        var assumed = said["assumed"]!.AsArray().Select(key => (string)key!).ToHashSet();
        Assert.Equal(id, (string?)said[kind]!["use"]);
        foreach (var (key, value) in expected.Where(option => option.Key != kind && !assumed.Contains(option.Key)))
            Assert.True(
                JsonNode.DeepEquals(value, said[kind]![key]), $"{key}: {said[kind]![key]?.ToJsonString()} for {value?.ToJsonString()}");
        AssertSame($"{Reference}/{name}.weights.safetensors", At("out.safetensors"));
    }

    /// <summary>As the package before MONAI's own called them, in a module that trained on several GPUs.</summary>
    [Fact]
    public void Older_names_and_prefixes_are_those_of_today()
    {
        using (var weights = SafetensorsFile.Read(UNet))
            StateDictFile.Write(At("old.pt"), weights.Select(one => KeyValuePair.Create("module." + Older(one.Key), one.Value)));

        Done("weights", "import", At("old.pt"), "--as", "unet3d", "--out", At("new.safetensors"), "--set", "num_head_channels=8");

        AssertSame(UNet, At("new.safetensors"));
    }

    [Fact]
    public void Exported_weights_come_back()
    {
        Done("weights", "export", UNet, "--out", At("unet.pt"));
        Done("weights", "import", At("unet.pt"), "--as", "unet3d", "--out", At("back.safetensors"));

        AssertSame(UNet, At("back.safetensors"));
        var shown = JsonNode.Parse(Done("weights", "show", At("unet.pt"), "--json"))!.AsArray();
        var first = shown.Single(tensor => (string?)tensor!["name"] == "conv_in.conv.weight")!;
        Assert.Equal(("float32", "[8,2,3,3,3]"), ((string?)first["dtype"], first["shape"]!.ToJsonString()));
        Assert.Equal(226, shown.Count);
    }

    [Fact]
    public void Export_replaces_a_file_only_where_that_is_asked_for()
    {
        File.WriteAllText(At("unet.pt"), "mine");

        var refused = RunHere("weights", "export", UNet, "--out", At("unet.pt"));

        Assert.Equal((2, "mine"), (refused.ExitCode, File.ReadAllText(At("unet.pt"))));
        Assert.Contains("it is there already; name another file, or replace it with --overwrite", refused.Error, StringComparison.Ordinal);
        Done("weights", "export", UNet, "--out", At("unet.pt"), "--overwrite");
    }

    [Theory]
    [InlineData("dit", "the weights have no `x_embedder.proj.weight`, by which the network would be known")]
    [InlineData("dcae", "this part does not tell its options from weights")]
    [InlineData("unet3", "there is no architecture `unet3`; did you mean `unet3d`?")]
    public void What_is_no_such_network_is_refused(string id, string sentence)
    {
        var refused = RunHere("weights", "import", UNet, "--as", id, "--out", At("out.safetensors"));

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(sentence, refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("out.safetensors")));
    }

    /// <summary>A pickle is a program; of one that makes anything but tensors nothing is obeyed.</summary>
    [Fact]
    public void Pickle_that_makes_something_else_is_refused()
    {
        var refused = RunHere("weights", "show", $"{Reference}/module.pth");

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("which is no tensor; save the state_dict alone", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Torch_reads_what_is_exported_and_its_checkpoints_are_imported()
    {
        Assert.SkipUnless(HasTorch(), $"{Python} has no torch");
        Done("weights", "export", UNet, "--out", At("unet.pt"));
        Run(_folder.Write("check.py", $$$"""
            import torch
            state = torch.load('{{{At("unet.pt")}}}', weights_only=True)
            torch.save({'epoch': 3,
                        'model': {'module.' + name: tensor for name, tensor in state.items()},
                        'ema': {name: 2 * tensor for name, tensor in state.items()},
                        'optimizer': {'state': {0: {'exp_avg': state['out.2.conv.bias']}}, 'param_groups': [{'lr': 1e-3, 'params': [0]}]}},
                       '{{{At("checkpoint.pt")}}}')
            """));

        var refused = RunHere("weights", "import", At("checkpoint.pt"), "--as", "unet3d", "--out", At("model.safetensors"));
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(
            "it has several dictionaries of tensors, of which one is to be named: model (226), ema (226)",
            refused.Error,
            StringComparison.Ordinal);
        Done("weights", "import", At("checkpoint.pt"), "--member", "model", "--as", "unet3d", "--out", At("model.safetensors"));
        AssertSame(UNet, At("model.safetensors"));
        Done("weights", "import", At("checkpoint.pt"), "--member", "ema", "--as", "unet3d", "--out", At("ema.safetensors"));
        AssertSame(UNet, At("ema.safetensors"), factor: 2);
    }

    private static string Older(string name) => name
        .Replace(".attn.to_", ".to_", StringComparison.Ordinal).Replace(".attn.out_proj.", ".proj_attn.", StringComparison.Ordinal)
        .Replace("upsampler.postconv", "upsampler.conv", StringComparison.Ordinal);

    private static bool HasTorch()
    {
        if (!File.Exists(Python))
            return false;
        using var process = Process.Start(new ProcessStartInfo(Python, ["-c", "import torch"]) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static void Run(string script)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, [script]) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }

    private static string Done(params string[] arguments)
    {
        var outcome = RunHere(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return outcome.Out;
    }

    private static void AssertSame(string expected, string found, double factor = 1)
    {
        using var scope = torch.NewDisposeScope();
        using var one = SafetensorsFile.Read(expected);
        using var other = SafetensorsFile.Read(found);
        Assert.Equal(one.Keys, other.Keys);
        Assert.All(one, pair => Assert.True((pair.Value * Tensors.Scalars.S(factor)).eq(other[pair.Key]).all().item<bool>(), pair.Key));
    }

    private string At(string name) => Path.Combine(_folder.Path, name);
}
