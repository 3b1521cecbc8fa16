using System.Text.Json.Nodes;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>Patients from two runs: masks with tumours that are asked for, and images of them.</summary>
public sealed class GenerateTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    private string[] Generate(string folder, params string[] more) =>
    [
        "generate", _work.Run, _work.At("images"), "--out", _work.At(folder), "--masks", "steps=2", "--images", "steps=2",
        "--check", "slice_share=1", "--check", "brain=false", "--check", "mask_attempts=2", .. more,
    ];

    private Dictionary<string, string> Files(string folder) => Directory.GetFiles(_work.At(folder), "*", SearchOption.AllDirectories)
        .Where(file => Path.GetFileName(file) != ".lock")
        .ToDictionary(file => Path.GetRelativePath(_work.At(folder), file), file => Convert.ToHexString(File.ReadAllBytes(file)));

    [Fact]
    public void Two_runs_generate_patients_that_a_killed_process_does_not_change()
    {
        var masks = _work.SmokeHere("exp2");
        Assert.True(masks.ExitCode == 0, masks.Error);
        var images = _work.Here(
            "train", "exp1", "--profile", "smoke", "--run", _work.At("images"), "--set",
            $"data.cohort={_work.At("run/cohort")}", "--set", "data.synthesize=");
        Assert.True(images.ExitCode == 0, images.Error);

        var whole = _work.Here(Generate("whole", "--count", "3", "--bins", "1,0,0,0,0,0,0", "--json"));
        var first = _work.Here(Generate("halves", "--count", "1", "--bins", "1,0,0,0,0,0,0"));
        Directory.CreateDirectory(_work.At("halves/.tmp-00001"));
        var rest = _work.Here(Generate("halves", "--count", "3", "--bins", "1,0,0,0,0,0,0"));

        Assert.True(whole.ExitCode == 0 && first.ExitCode == 0 && rest.ExitCode == 0, whole.Error + first.Error + rest.Error);
        Assert.Equal(3, (int)JsonNode.Parse(whole.Out)!["patients"]!);
        Assert.Contains("3, 2 of them made now", rest.Out, StringComparison.Ordinal);
        var (one, other) = (Files("whole"), Files("halves"));
        Assert.Equal(one.Keys.Order(StringComparer.Ordinal), other.Keys.Order(StringComparer.Ordinal));
        Assert.All(one, file => Assert.Equal(file.Value, other[file.Key]));
        Assert.Equal(
            ["00000/bravo.nii.gz", "00000/patient.json", "00000/seg.nii.gz"],
            one.Keys.Where(name => name.StartsWith("00000", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        var bins = File.ReadAllLines(_work.At("whole/bins.csv"));
        Assert.Equal(4, bins.Length);
        Assert.StartsWith("00002,1,0,0,0,0,0,0,", bins[3], StringComparison.Ordinal);
        // without --bins they are drawn as the training split has them
        Assert.Equal("law", (string?)Request("drawn", "--count", "1")["masks"]!["sampling"]!["bins_from"]);

        // noise that fills the volume is of no brain's shape
        string[] shape = ["brain=true", "second_component=1", "outside=1", "shape=true", "image_attempts=1", "attempts=1"];
        var shapeless = _work.Here(Generate("shaped", ["--count", "1", .. shape.SelectMany(check => new[] { "--check", check })]));
        Assert.Equal(1, shapeless.ExitCode);
        Assert.Contains("patient 00000 could not be made in 1 attempts", shapeless.Error, StringComparison.Ordinal);
        Assert.Contains("images of another shape 1", shapeless.Error, StringComparison.Ordinal);

        var sampled = _work.Here("sample", _work.Run, "--count", "1", "--bins", "0,2,0,0,0,0,0");
        Assert.True(sampled.ExitCode == 0, sampled.Error);
        var sample = JsonNode.Parse(File.ReadAllText(_work.At("run/samples/00000/sample.json")))!;
        Assert.Equal("[0,2,0,0,0,0,0]", sample["requested_bins"]!.ToJsonString());
        Assert.Equal(7, sample["measured_bins"]!.AsArray().Count);

        var evaluated = _work.Here("evaluate", _work.Run, "--checkpoint", "best", "--split", "test", "--json");
        var reported = _work.Here("report", _work.Run, "--out", _work.At("report.md"));
        Assert.True(evaluated.ExitCode == 0 && reported.ExitCode == 0, evaluated.Error + reported.Error);
        var masked = JsonNode.Parse(evaluated.Out)!["generated"]![0]!["masks"]!;
        Assert.Equal(
            Distance(sample["requested_bins"]!, sample["measured_bins"]!) / 7, (double)masked["adherence"]!["mean_absolute_error"]!, 1e-12);
        Assert.Equal(["train", "test"], masked["distances"]!.AsArray().Select(distance => (string?)distance!["against"]));
        Assert.Contains("**Generated masks**", File.ReadAllText(_work.At("report.md")), StringComparison.Ordinal);

        Refuse("--bins: bins [1, 2] are no numbers of tumours by size", Generate("none", "--bins", "1,2"));
        Refuse("bins was [1,0,0,0,0,0,0]", Generate("whole", "--bins", "2,0,0,0,0,0,0"));
        Refuse(
            "the first run has to be one of masks alone", ["generate", _work.At("images"), _work.At("images"), "--out", _work.At("none")]);
        Refuse("the second run has to generate images from masks", ["generate", _work.Run, _work.Run, "--out", _work.At("none")]);
        Refuse("`mask_attempts` is 0, must be at least 1", Generate("none", "--check", "mask_attempts=0"));
        Refuse("has no condition.size_bins", ["sample", _work.At("images"), "--bins", "law"]);
        Refuse("does not generate from numbers of tumours", ["sample", _work.At("images"), "--bins", "patients"]);
        Refuse("has no checkpoint best_generation", ["sample", _work.Run, "--checkpoint", "best_generation"]);
        Assert.False(Directory.Exists(_work.At("none")));

        MadeByAnAnimalTheyAreTheSame();
    }

    /// <summary>
    /// An animal of the run has its weights and, with the law, its training split's masks: it is asked for the same tumours and makes the
    /// same ones.
    /// </summary>
    private void MadeByAnAnimalTheyAreTheSame()
    {
        var facts = _work.Write("facts.yaml", """
            summary: Paints tiny masks.
            licences: {code: Apache-2.0, weights: CC0-1.0, data: Colin 27}
            use: {intended: For tests., limits: [Not for a clinic.]}
            memorisation: Not measured.
            """);
        var exported = _work.Here("zoo", "export", _work.Run, "--as", "mask/tiny", "--facts", facts, "--zoo", _work.At("zoo"), "--law");
        Assert.True(exported.ExitCode == 0, exported.Error);
        var card = CardYaml.Read(_work.At("zoo/mask/tiny")).Card;
        Assert.Equal(["size_bins"], card.Volumes.Condition);
        Assert.Equal("Seen through along each axis; a real mask, and what was made from its numbers of tumours.", card.Seen);
        Assert.Contains(card.Measures, measure => measure is { Metric: MaskQuality.Exact, Against: "what was asked for" });

        var command = Generate("tame", "--count", "1");
        command[1] = _work.At("zoo/mask/tiny");
        var generated = _work.Here(command);
        Assert.True(generated.ExitCode == 0, generated.Error);
        Assert.Equal(File.ReadAllLines(_work.At("drawn/bins.csv")), File.ReadAllLines(_work.At("tame/bins.csv")));
        if (Directory.Exists("runs/zoo/mask"))
            Directory.Delete("runs/zoo/mask", recursive: true); // where the tests' process unpacked it
    }

    private static double Distance(JsonNode asked, JsonNode found) =>
        asked.AsArray().Zip(found.AsArray(), (one, other) => Math.Abs((int)one! - (int)other!)).Sum();

    private JsonNode Request(string folder, params string[] more)
    {
        var outcome = _work.Here(Generate(folder, more));
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return JsonNode.Parse(File.ReadAllText(_work.At($"{folder}/generate.json")))!;
    }

    private void Refuse(string sentence, string[] command)
    {
        var outcome = _work.Here(command);
        Assert.True(outcome.ExitCode == 2, outcome.Error);
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
    }
}
