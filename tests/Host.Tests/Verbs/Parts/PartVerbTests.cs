using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Engine.Tests.Nifti;
using VoxelZoo.Host.Tests.Plugins;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.Verbs.Parts;

public sealed class PartVerbTests : IDisposable
{
    private static readonly string Reference = Path.Combine(Repository.Root, "tests/Reference");
    private readonly Fixtures _fixtures = new();
    private readonly TemporaryFolder _folder = new();

    private string Out => Path.Combine(_folder.Path, "out.safetensors");

    public void Dispose()
    {
        _folder.Dispose();
        _fixtures.Dispose();
    }

    [Fact]
    public void Forward_agrees_with_the_reference()
    {
        var outcome = Run(ForwardOf());

        Assert.Equal((0, "", ""), (outcome.ExitCode, outcome.Out, outcome.Error));
        using var expected = SafetensorsFile.Read($"{Reference}/unet3d-tiny.io.safetensors");
        using var found = SafetensorsFile.Read(Out);
        using var scope = torch.NewDisposeScope();
        Assert.InRange(((found["output"] - expected["output"]).abs().max() / expected["output"].abs().max()).item<float>(), 0, 1e-4);
    }

    [Theory]
    [InlineData("{\"architecture\": \"unet3\"}", ":1:18: there is no architecture `unet3`; did you mean `unet3d`?")]
    [InlineData("{\"architecture\": \"unet3d\",\n \"chanels\": [8]}", ":2:2: unknown key `chanels`; did you mean `channels`?")]
    [InlineData("{\"compressor\": \"unet3d\"}", ":1:1: expected {\"architecture\": ID, …options}")]
    [InlineData("unet3d", ":1:1: expected {\"architecture\": ID, …options}")]
    public void Configuration_that_cannot_be_is_refused_with_its_place(string config, string sentence)
    {
        var file = _folder.Write("c.json", config);

        Refused(Forward(config: file), file + sentence);
    }

    [Fact]
    public void Weights_that_do_not_fit_are_refused() =>
        Refused(
            Forward(weights: $"{Reference}/vqvae3d-tiny.weights.safetensors"),
            $"{Reference}/vqvae3d-tiny.weights.safetensors does not fit");

    [Fact]
    public void Input_without_a_tensor_is_refused() =>
        Refused(
            Forward(inputs: $"{Reference}/metrics.io.safetensors"),
            $"{Reference}/metrics.io.safetensors has no tensor `input` (it has features_generated");

    [Fact]
    public void Input_of_a_wrong_shape_is_refused()
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsFile.Write(Out + ".in", [new("input", torch.zeros(1, 3, 16, 16).unsqueeze(4)), new("timesteps", torch.zeros(1))]);

        Refused(Forward(inputs: Out + ".in"), $"{Out}.in: the architecture `unet3d` cannot take these tensors: ");
    }

    [Fact]
    public void Input_without_the_condition_that_the_architecture_needs_is_refused_by_its_name()
    {
        using var scope = torch.NewDisposeScope();
        using (var whole = SafetensorsFile.Read($"{Reference}/unet3d-tiny.io.safetensors"))
            SafetensorsFile.Write(Out + ".in", [new("input", whole["input"].narrow(1, 0, 1)), new("timesteps", whole["timesteps"])]);

        var outcome = Forward(inputs: Out + ".in");

        Refused(outcome, $"{Out}.in: the architecture `unet3d` cannot take these tensors: ");
        Assert.EndsWith("; the file has no tensor `condition`, which the architecture may need\n", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Voxels_that_are_not_finite_are_counted_for_people_and_programs()
    {
        var file = Path.Combine(_folder.Path, "x.nii");
        float[] voxels = [1, float.NaN, float.PositiveInfinity, 3, float.NegativeInfinity, 5];
        File.WriteAllBytes(file, new NiftiBytes().Dim(3, 3, 2, 1).Type(16).With([.. voxels.SelectMany(BitConverter.GetBytes)]));

        var (people, programs) = (RunHere("data", "info", file), RunHere("data", "info", file, "--json"));

        Assert.Contains("3 voxels are NaN or infinite", people.Out, StringComparison.Ordinal);
        var facts = JsonNode.Parse(programs.Out)!;
        Assert.Equal((3, 1.0, 5.0, 3.0), ((int)facts["non_finite"]!, (double)facts["min"]!, (double)facts["max"]!, (double)facts["mean"]!));
    }

    [Fact]
    public void Features_of_a_file_are_of_the_volumes_that_it_gives()
    {
        using var scope = torch.NewDisposeScope();
        var (real, generated) = (torch.randn([40, 3]), torch.randn([30, 3]));
        var file = Out + ".in";
        SafetensorsFile.Write(
            file,
            [
                new("features_real", real),
                new("features_generated", generated),
                new("volumes_real", torch.tensor([.. Enumerable.Range(0, 40).Select(row => row / 10L)])),
            ]);

        var details = JsonNode.Parse(RunHere("metric", "fid", "--inputs", file, "--json").Out)!["details"]!;

        Assert.Equal((4, 30, 40), ((int)details["volumes_real"]!, (int)details["volumes_generated"]!, (int)details["n_real"]!));
        SafetensorsFile.Write(
            file, [new("features_real", real), new("features_generated", generated), new("volumes_real", torch.zeros(39, torch.int64))]);
        Refused(
            RunHere("metric", "fid", "--inputs", file),
            $"{file}: `volumes_real` is Int64 [39], expected a whole number for each of the 40 rows of `features_real`");
    }

    [Fact]
    public void Timesteps_of_another_batch_are_refused()
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsFile.Write(Out + ".in", [new("input", torch.zeros(new long[] { 2, 2, 16, 16, 16 })), new("timesteps", torch.zeros(3))]);

        Refused(Forward(inputs: Out + ".in"), $"{Out}.in: `timesteps` is [3], expected one for each of the 2 samples of `input`");
    }

    [Fact]
    public void Refusal_of_tensors_does_not_speak_of_parameters()
    {
        var config = _folder.Write("c.yaml", "compressor: space_to_depth\nfactor: 3\n");

        var outcome = RunHere(
            "compressor", "roundtrip", "--config", config, "--inputs", $"{Reference}/unet3d-tiny.io.safetensors", "--out", Out);

        Refused(outcome, $"{Reference}/unet3d-tiny.io.safetensors: the compressor `space_to_depth` cannot take these tensors: ");
        Assert.DoesNotContain("Parameter", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Absent_file_and_folder_are_named()
    {
        Refused(Forward(weights: "/no/such.safetensors"), "/no/such.safetensors: there is no such folder");
        Refused(Forward(inputs: $"{_folder.Path}/no.safetensors"), $"{_folder.Path}/no.safetensors: there is no such file");
        Refused(Forward(inputs: _folder.Path), $"{_folder.Path} is a folder, expected a file");
    }

    [Fact]
    public void Output_into_an_absent_folder_is_refused()
    {
        var outcome = Forward(to: "/no/such/folder/out");

        Assert.Equal((2, "/no/such/folder/out: there is no such folder\n"), (outcome.ExitCode, outcome.Error));
    }

    [Theory]
    [InlineData("weights.safetensors", "weights.safetensors", "--weights")]
    [InlineData("inputs.safetensors", "inputs.safetensors", "--inputs")]
    [InlineData("inputs.safetensors", "link.safetensors", "--inputs")]
    [InlineData("inputs.safetensors", "folder/../linked/inputs.safetensors", "--inputs")]
    public void Output_that_is_also_an_input_is_refused_and_left_alone(string file, string to, string option)
    {
        foreach (var (name, reference) in new[] { ("weights", "unet3d-tiny.weights"), ("inputs", "unet3d-tiny.io") })
            File.Copy($"{Reference}/{reference}.safetensors", Path.Combine(_folder.Path, $"{name}.safetensors"));
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "link.safetensors"), "inputs.safetensors");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "folder"));
        Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "linked"), _folder.Path);
        var before = File.ReadAllBytes(Path.Combine(_folder.Path, file));
        var place = Path.Combine(_folder.Path, to);

        foreach (var verb in new[] { "model forward", "compressor roundtrip" })
        {
            var outcome = RunHere(
                [
                    .. verb.Split(' '), "--config", "c.json", "--weights", Path.Combine(_folder.Path, "weights.safetensors"), "--inputs",
                    Path.Combine(_folder.Path, "inputs.safetensors"), "--out", place,
                ]);

            Assert.Equal(
                (2, $"--out {place}: this is what {option} names and is read; name another file\n"), (outcome.ExitCode, outcome.Error));
        }

        Assert.Equal(before, File.ReadAllBytes(Path.Combine(_folder.Path, file)));
    }

    [Theory]
    [InlineData("run/checkpoints/step-00000002/ema.safetensors", "the checkpoint ")]
    [InlineData("run/frozen/compressor.safetensors", "the run ")]
    [InlineData("run/experiment.yaml", "the run ")]
    public void Output_among_what_a_run_keeps_is_refused(string to, string keeper)
    {
        _folder.Write("run/experiment.yaml", "id: a");
        _folder.Write("run/checkpoints/step-00000002/manifest.json", "{}");
        var place = Path.Combine(_folder.Path, to);

        string[][] verbs =
        [
            ["model", "forward", "--config", "c.json", "--weights", "w.safetensors", "--inputs", "i.safetensors"],
            ["report", _folder.Path],
            ["sample", Path.Combine(_folder.Path, "run")],
        ];
        foreach (var verb in verbs)
            Assert.StartsWith(
                $"--out {place}: this belongs to {keeper}", RunHere([.. verb, "--out", place]).Error, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Length);
    }

    // its convolutions would take any size, and give back less
    [Fact]
    public void Roundtrip_of_a_volume_that_would_be_cropped_is_refused_with_the_multiple()
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsFile.Write(Out + ".in", [new("input", torch.zeros(new long[] { 1, 1, 8, 8, 9 }))]);

        var outcome = RunHere(
            "compressor", "roundtrip", "--config", $"{Reference}/kl3d-tiny.json", "--weights", $"{Reference}/kl3d-tiny.weights.safetensors",
            "--inputs", Out + ".in", "--out", Out);

        Refused(outcome, $"{Out}.in: the compressor `kl` cannot take these tensors: ");
        Assert.Contains("width 9 of the 8×8×9 grid is not divisible by 2", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Roundtrip_writes_latent_and_reconstruction()
    {
        _fixtures.Add("Good");
        var config = _folder.Write("c.yaml", "compressor: scale\nfactor: 4\n");

        var outcome = Run(
            "compressor", "roundtrip", "--plugins", _fixtures.Folder, "--config", config, "--inputs",
            $"{Reference}/unet3d-tiny.io.safetensors", "--out", Out);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        using var inputs = SafetensorsFile.Read($"{Reference}/unet3d-tiny.io.safetensors");
        using var found = SafetensorsFile.Read(Out);
        using var scope = torch.NewDisposeScope();
        Assert.True(found["latent"].eq(inputs["input"] * Scalars.S(4.0)).all().item<bool>());
        Assert.True(found["reconstruction"].eq(inputs["input"]).all().item<bool>());
    }

    [Fact]
    public void Parts_refusal_is_placed_at_its_key()
    {
        _fixtures.Add("Good");
        var config = _folder.Write("c.yaml", "compressor: scale\nfactor: 0\n");

        Refused(
            RunHere(
                "compressor", "roundtrip", "--plugins", _fixtures.Folder, "--config", config, "--inputs",
                $"{Reference}/unet3d-tiny.io.safetensors", "--out", Out),
            $"{config}:2:1: factor 0 loses everything");
    }

    [Fact]
    public void Metric_prints_its_value_and_values()
    {
        _fixtures.Add("Good");

        var json = JsonNode.Parse(Metric("answer", "--set", "scale=2.5", "--json").Out)!;

        Assert.Equal(2.5, (double)json["value"]!);
        Assert.Equal((2, 2.5, null), (json["values"]!.AsArray().Count, (double)json["values"]![0]!, json["values"]![1]));
    }

    [Theory]
    [InlineData("scale=11", "--set scale: `scale` is 11, must be at least 0 and at most 10")]
    [InlineData("scael=1", "--set scael: unknown key `scael`; did you mean `scale`?")]
    public void Metrics_option_that_cannot_be_is_refused(string set, string sentence)
    {
        _fixtures.Add("Good");

        Refused(Metric("answer", "--set", set), sentence);
    }

    [Fact]
    public void Plugin_that_fails_while_computing_ends_with_exit_code_1_and_its_name()
    {
        _fixtures.Add("Throwing");

        var outcome = Metric("throws_in_compute");

        Assert.Equal(
            (1, "the metric `throws_in_compute` of the plugin `throwing` 0.1.0 failed: thrown in Compute\n"),
            (outcome.ExitCode, outcome.Error));
    }

    private Outcome Metric(string id, params string[] more) =>
        RunHere(["metric", id, "--plugins", _fixtures.Folder, "--inputs", $"{Reference}/metrics.io.safetensors", .. more]);

    private Outcome Forward(string? config = null, string? weights = null, string? inputs = null, string? to = null) =>
        RunHere(ForwardOf(config, weights, inputs, to));

    private string[] ForwardOf(string? config = null, string? weights = null, string? inputs = null, string? to = null) =>
        [
            "model", "forward",
            "--config", config ?? $"{Reference}/unet3d-tiny.json",
            "--weights", weights ?? $"{Reference}/unet3d-tiny.weights.safetensors",
            "--inputs", inputs ?? $"{Reference}/unet3d-tiny.io.safetensors",
            "--out", to ?? Out,
        ];

    private void Refused(Outcome outcome, string sentence)
    {
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal(2, outcome.ExitCode);
        Assert.False(File.Exists(Out));
    }
}
