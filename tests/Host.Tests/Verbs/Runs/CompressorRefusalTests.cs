using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>
/// A training of a compressor that cannot work ends with exit code 2 and one sentence where the fault was written, and leaves nothing.
/// </summary>
public sealed class CompressorRefusalTests : IDisposable
{
    private static readonly string Experiments = Path.Combine(Repository.Root, "experiments");

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData(
        "training: {epochs: 3}", ":2:12: the epochs of a compressor's training are those of its phases; remove `epochs` and set `phases`")]
    [InlineData("training: {validation_timesteps: 3}", ":2:12: a compressor is validated by its reconstructions")]
    [InlineData("training: {use: adam}", ":2:12: `training` names no part; remove `use`")]
    [InlineData("training: {phase: []}", ":2:12: unknown key `phase`; did you mean `phases`?")]
    [InlineData("training: {phases: []}", ":2:12: training.phases is empty; add at least one phase")]
    [InlineData("training:\n  phases:\n    - losses: {l1: 1}", ":4:7: the key `epochs` is missing")]
    [InlineData("training:\n  phases:\n    - epochs: 0\n      losses: {l1: 1}", ":4:15: `epochs` is 0, must be at least 1")]
    [InlineData("training:\n  phases:\n    - epochs: 1\n      losses: {l1: -1}", ":5:16: the weight -1 of `l1` is not a number from 0")]
    [InlineData(
        "training:\n  phases:\n    - epochs: 1\n      losses: {l1: 1}\n    - epochs: 1\n      losses: {l1: 1, bce: 1}",
        ":7:23: `bce` is a loss of masks, and the target is bravo, flair, t1_pre, t1_gd; use l1, l2, perceptual, adversarial")]
    [InlineData(
        "training:\n  phases:\n    - epochs: 1\n      losses: {codebook: 1}",
        ":5:7: phase 1 weighs no loss that compares the reconstruction with the volume; add one of l1, l2")]
    [InlineData(
        "training:\n  phases:\n    - epochs: 1\n      losses: {l1: 1, perceptual: 1}",
        ":5:23: phase 1 weighs the loss `perceptual`, but training.perceptual.network names no TorchScript file")]
    [InlineData("training:\n  perceptual: {network: /no/such.pt}", ":3:16: there is no file /no/such.pt")]
    [InlineData(
        "training:\n  phases:\n    - epochs: 1\n      losses: {l1: 1}\n      trains: heads",
        ":6:15: `trains` is the text `heads`, expected one of all, head; did you mean `head`?")]
    [InlineData("training: {crop: [32, 64]}", ":2:12: crop [32, 64] is not [D, H, W]; give three sizes of at least 1")]
    [InlineData(
        "training: {crop: [32, 512, 64]}", ":2:12: crop [32, 512, 64] is larger than the volume [160, 256, 256]; use a smaller one")]
    [InlineData("training: {crop: [32, 64, 63]}", ":2:12: crop [32, 64, 63] cannot be compressed: width 63 would come back as")]
    [InlineData(
        "training: {crop: [16, 64, 64]}",
        ":2:12: the discriminator of 3 layers sees blocks of 16×64×64 and needs 24 voxels along each axis")]
    [InlineData("data: {height: 254}", "height 254 would come back as")]
    [InlineData("target: [bravo, seg]", ":2:1: seg is a mask, bravo an image")]
    [InlineData("target: seg", "`l1` is a loss of images, and the target is seg; use bce, dice, boundary")]
    [InlineData("compressor: {use: space_to_depth}", "the compressor `space_to_depth` has nothing to train")]
    [InlineData(
        "condition: {images: [seg]}",
        ":2:1: without `architecture` and `strategy` the experiment trains its compressor, which has no `condition`; remove it")]
    [InlineData("architectur: {use: unet3d}", ":2:1: unknown section `architectur`; did you mean `architecture`?")]
    [InlineData("strategy: {use: rflow}\nsampling: {use: euler}\ntraining: null", "the section `architecture` is missing")]
    [InlineData("sampling: {use: euler}", ":2:12: unknown key `use`")]
    [InlineData("expect: {parameters: 7}", ":2:10: the compressor has 5,512,069 parameters, expected are 7")]
    public void Experiment_that_cannot_work_is_refused_where_it_says_so(string wrong, string sentence)
    {
        var file = _work.Write("wrong.yaml", $"extends: {Experiments}/vqvae_4x.yaml\n{wrong}\n");

        Refused((sentence[0] == ':' ? file : "") + sentence, "train", file, "--run", _work.Run);
    }

    [Theory]
    [InlineData(
        "codebok",
        "there is no loss `codebok` with the compressor `vqvae`; did you mean `codebook`? "
        + "(losses: l1, l2, perceptual, adversarial, codebook)")]
    [InlineData("kl", "there is no loss `kl` with the compressor `vqvae` (losses: l1, l2, perceptual, adversarial, codebook)")]
    public void Loss_that_the_compressor_does_not_have_is_refused_at_its_first_pass(string loss, string sentence) =>
        Refused(
            sentence,
            "train",
            "vqvae_4x",
            "--profile",
            "smoke",
            "--run",
            _work.Run,
            "--set",
            $"training.phases=[{{epochs: 1, losses: {{l1: 1, {loss}: 1}}}}]");

    [Fact]
    public void Compressor_without_a_codebook_refuses_its_weight() =>
        Refused(
            "there is no loss `codebook` with the compressor `dcae` (losses: bce, dice, boundary)",
            "train",
            "dcae_seg_f32",
            "--profile",
            "smoke",
            "--run",
            _work.Run,
            "--set",
            "training.phases=[{epochs: 1, losses: {bce: 1, codebook: 1}}]");

    [Fact]
    public void File_that_is_no_network_is_refused() =>
        RefusedNetwork(_work.Write("network.pt", "not a network"), " is not a TorchScript file: ");

    [Fact]
    public void Network_that_is_not_there_is_refused_with_the_nearest()
    {
        var there = _work.Write("network.pt", "not a network");
        var misspelt = _work.At("netwrok.pt");
        var sentence = $"there is no file {misspelt}; did you mean `{there}`?";

        Refused(sentence, _work.Here("torchscript", misspelt));
        Refused($"--set training.perceptual.network: {sentence}", _work.Smoke(
            "vqvae_4x", "--set", "training.phases=[{epochs: 1, losses: {l1: 1, perceptual: 1}}]", "--set",
            $"training.perceptual.network={misspelt}"));
    }

    [Fact]
    public void Network_that_takes_no_slices_is_refused() =>
        RefusedNetwork(
            TorchScriptFile.Write(_work.At("network.pt"), "return torch.reshape(x, [7, 5])"), " cannot take a slice [1, 3, 32, 32]: ");

    [Fact]
    public void Network_that_ends_the_process_which_loads_it_is_refused() =>
        RefusedNetwork(
            TorchScriptFile.Write(_work.At("network.pt"), "return torch.no_such_function(x)"),
            " holds code that this libtorch cannot compile (Unknown builtin op: aten::no_such_function)");

    // the program tries a network in a process of its own
    private void RefusedNetwork(string file, string sentence) =>
        Refused(
            $"--set training.perceptual.network: {file}{sentence}",
            _work.Smoke(
                "vqvae_4x",
                "--set",
                "training.phases=[{epochs: 1, losses: {l1: 1, perceptual: 1}}]",
                "--set",
                $"training.perceptual.network={file}"));

    private void Refused(string sentence, params string[] arguments) => Refused(sentence, _work.Here(arguments));

    private void Refused(string sentence, VoxelZooProgram.Outcome outcome)
    {
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal(2, outcome.ExitCode);
        Assert.False(Path.Exists(_work.Run));
    }
}
