using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs;

/// <summary>Whether the program tells of a machine's faults, and computes right in spite of them.</summary>
public sealed class DoctorTests : IDisposable
{
    private static readonly Dictionary<string, string> HiddenCaches =
        new(Workspace.OneThread) { ["DOTNET_STARTUP_HOOKS"] = ChildProcess.HiddenCaches };

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Doctor_trusts_what_was_tried_and_found_right()
    {
        var outcome = _work.Program("doctor", "--json");
        var doctor = JsonNode.Parse(outcome.Out)!.AsObject();
        Assert.Equal((0, true), (outcome.ExitCode, (bool)doctor["trustworthy"]!));
        Assert.Equal((408, 0), ((int)doctor["convolutions"]!["tried"]!, (int)doctor["convolutions"]!["wrong"]!));
        foreach (var key in new[] { "cpu", "isa", "caches", "libtorch", "cures", "plugins", "slurm", "mpi", "gpu", "memory", "disk" })
            Assert.True(doctor.ContainsKey(key), key);
    }

    [Fact]
    public void Doctor_says_in_words_what_was_cured()
    {
        var outcome = VoxelZooProgram.RunWith(HiddenCaches, "doctor");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("can be trusted on this machine", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("this machine hides the sizes of its caches", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_says_that_oneDNN_is_off_where_its_results_are_wrong_for_an_unknown_reason()
    {
        var outcome = VoxelZooProgram.RunWith(
            new(HiddenCaches) { ["HIDDEN_CACHES"] = "unknown", ["ONEDNN_MAX_CPU_ISA"] = "ALL" }, "doctor", "--json");
        var doctor = JsonNode.Parse(outcome.Out)!;
        Assert.Equal((0, true, 0), (outcome.ExitCode, (bool)doctor["trustworthy"]!, (int)doctor["convolutions"]!["wrong"]!));
        Assert.Contains(doctor["cures"]!.AsArray(), cure => ((string)cure!).Contains("oneDNN is switched off", StringComparison.Ordinal));
    }

    [Fact]
    public void Doctor_without_a_libtorch_ends_with_1_and_the_reason()
    {
        var outcome = VoxelZooProgram.RunWith(new() { ["VOXELZOO_LIBTORCH"] = "/no/such/lib" }, "doctor", "--json");
        var doctor = JsonNode.Parse(outcome.Out)!;
        Assert.Equal((1, false), (outcome.ExitCode, (bool)doctor["trustworthy"]!));
        Assert.Contains("VOXELZOO_LIBTORCH is /no/such/lib", (string?)doctor["fault"], StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_of_one_seed_on_a_machine_that_hides_its_caches_are_equal_and_name_the_cure()
    {
        string[] epochs = ["--set", "training.epochs=2"];
        var (first, second) = (Train("first", HiddenCaches, epochs), Train("second", HiddenCaches, epochs));
        Assert.Equal(first, second);
        Assert.All(first, loss => Assert.True(double.IsFinite(loss)));
        var provenance = JsonNode.Parse(File.ReadAllText(_work.At("first/provenance.json")))!;
        Assert.Contains(
            provenance["cures"]!.AsArray(), cure => ((string)cure!).Contains("hides the sizes of its caches", StringComparison.Ordinal));
    }

    [Fact]
    public void Losses_in_bfloat16_follow_those_in_float32_where_a_level_has_a_depth_of_2()
    {
        var (exact, half) =
            (Train("float32", Workspace.OneThread), Train("bfloat16", Workspace.OneThread, "--set", "training.precision=bfloat16"));
        Assert.Equal(exact.Length, half.Length);
        Assert.All(exact.Zip(half), pair => Assert.InRange(pair.Second / pair.First, 0.95, 1.05));
        Assert.True(exact[^1] < 0.9 * exact[0], "nothing was learned that could differ");
    }

    /// <summary>Trains a network whose lower level has a depth of 2, and channels that fill no whole vector.</summary>
    /// <returns>The training loss of each epoch.</returns>
    private double[] Train(string run, Dictionary<string, string> environment, params string[] more)
    {
        var experiment = _work.Write(
            "flat.yaml",
            """
            id: flat
            data:
              synthesize: {train: 4, val: 1, test: 1, depth: 4, height: 16, width: 16}
              depth: 4
              height: 16
              width: 16
              original_depth: 4
              slice_pitch: 37.5
            target: bravo
            condition:
              images: [seg]
            architecture:
              use: unet3d
              channels: [12, 20]
              num_res_blocks: [1, 1]
              attention_levels: [false, false]
              num_head_channels: 4
              norm_num_groups: 4
            strategy:
              use: rflow
            training:
              epochs: 8
              batch_size: 2
              learning_rate: 1e-3
              warmup_epochs: 0
              precision: float32
              validation_timesteps: 2
            sampling:
              use: euler
              steps: 2
              count: 1
            """);
        var outcome = VoxelZooProgram.RunWith(environment, ["train", experiment, "--run", _work.At(run), .. more]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return
        [
            .. File.ReadLines(_work.At($"{run}/metrics.jsonl")).Select(line => JsonNode.Parse(line)!)
                .Where(line => (string?)line["kind"] == "epoch").Select(line => (double)line["loss"]!),
        ];
    }
}
