using System.Text.Json.Nodes;
using VoxelZoo.Engine.Tests.Data.Import;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Data;

/// <summary>
/// From a folder as BraTS ships it to an experiment of one's own: <c>data import</c>, <c>init</c>, <c>show</c>, <c>data check</c>.
/// </summary>
public sealed class OwnDataTests : IClassFixture<OwnDataTests.Brats>, IDisposable
{
    private readonly Brats _brats;
    private readonly Workspace _work = new();

    public OwnDataTests(Brats brats) => _brats = brats;

    public void Dispose() => _work.Dispose();

    /// <summary>A folder as BraTS ships it, and the cohort that is made of it.</summary>
    public sealed class Brats : IDisposable
    {
        public Brats()
        {
            Source.AddBrats(10, voxels: 40, size: 1.5);
            Imported = VoxelZooProgram.RunHere("data", "import", Source.Path, "--to", Cohort, "--split", "60/20/20");
        }

        internal MadeSource Source { get; } = new();

        internal VoxelZooProgram.Outcome Imported { get; }

        public string Cohort => Source.Beside("cohort");

        public void Dispose() => Source.Dispose();
    }

    [Fact]
    public void Import_says_what_it_takes_for_what_and_what_comes_next()
    {
        var (code, said, warned) = (_brats.Imported.ExitCode, _brats.Imported.Out, _brats.Imported.Error);

        Assert.Equal(0, code);
        Assert.Contains("is laid out as brats: 10 folders hold files that begin with the folder's name", said, StringComparison.Ordinal);
        Assert.Matches(@"t1c +│ 10 +│ \*-t1c", said);
        Assert.Contains("10 scans of 10 patients: train 6, val 2, test 2 (60/20/20 of the patients", said, StringComparison.Ordinal);
        Assert.Contains("10 scans (train 6, val 2, test 2) of 48×48×26 voxels of 1.5×1.5×1.5 mm", said, StringComparison.Ordinal);
        Assert.Contains($"next: voxelzoo init '{_brats.Cohort}' --like pixel_unet", said, StringComparison.Ordinal);
        Assert.Equal(
            "warning: masks have the labels 1, 2, 3, and all above one half are taken as tumour; --labels says which are, as in --labels "
                + "\"1,3:tumour\"\n",
            warned);
    }

    [Fact]
    public void Dry_run_says_the_same_and_makes_nothing()
    {
        var outcome = _work.Here(
            "data",
            "import",
            _brats.Source.Path,
            "--to",
            _work.At("cohort"),
            "--dry-run",
            "--json",
            "--intensity",
            "fixed",
            "-100",
            "300");

        var json = JsonNode.Parse(outcome.Out)!;
        Assert.Equal((0, "brats", 10), (outcome.ExitCode, (string?)json["layout"], json["scans"]!.AsArray().Count));
        Assert.False(Path.Exists(_work.At("cohort")));
    }

    [Theory]
    [InlineData("--layout brast", "--layout brast: name one of auto, dicom, bids, nnunet, brats, folders, csv; did you mean `brats`?")]
    [InlineData("--layout bids", "looks like bids: it holds images such as")]
    [InlineData("--layout csv", "--layout csv FILE names a table")]
    [InlineData("--layout csv nowhere.csv", "nowhere.csv cannot be read")]
    [InlineData("--split 80/20", "--split 80/20: neither shares such as 80/10/10 nor a table")]
    [InlineData("--split 0/1/1", "train has some")]
    [InlineData("--spacing 0", "--spacing 0: expected a voxel size in mm above 0.001")]
    [InlineData("--spacing 0.01", "--spacing 0.01 makes volumes of up to 6000×6000×6000 voxels")]
    [InlineData("--spacing wide", "--spacing wide: expected a voxel size in mm")]
    [InlineData("--intensity sharpen", "--intensity sharpen: expected percentile LOW HIGH")]
    [InlineData("--labels 1", "--labels 1: expected LABELS:NAME")]
    [InlineData("--map t1c", "--map t1c: expected PATTERN=KIND")]
    [InlineData("--link --intensity zscore", "--link leaves files as they are")]
    public void Wrong_import_is_one_sentence_and_leaves_nothing(string options, string sentence)
    {
        var outcome = _work.Here(["data", "import", _brats.Source.Path, "--to", _work.At("cohort"), .. options.Split(' ')]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.False(Path.Exists(_work.At("cohort")));
    }

    [Theory]
    [InlineData("../../victim")]
    [InlineData("..")]
    public void Patient_of_a_table_never_replaces_a_folder_beside_the_cohort(string patient)
    {
        Directory.CreateDirectory(_work.At("victim"));
        File.WriteAllText(_work.At("victim/thesis.txt"), "mine");
        var image = Path.GetRelativePath(
            _brats.Source.Path,
            Directory.GetFiles(_brats.Source.Path, "*-t1c.nii.gz", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First());
        File.WriteAllText(_work.At("table.csv"), $"patient,t1c\nA,{image}\n{patient},{image}\n");

        var outcome = _work.Here(
            "data", "import", _brats.Source.Path, "--to", _work.At("cohort"), "--layout", "csv", _work.At("table.csv"));

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains($"table.csv:3: the patient `{patient}`", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_work.At("victim/thesis.txt")));
        Assert.False(Path.Exists(_work.At("cohort")));
    }

    [Fact]
    public void Dicom_needs_a_program_that_is_named_where_it_is_not()
    {
        new MadeDicom().Write(_work.At("dicom/a"));

        var outcome = VoxelZooProgram.RunWith(
            new() { ["PATH"] = "/nowhere" }, "data", "import", _work.At("dicom"), "--to", _work.At("cohort"));

        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal(
            $"'{_work.At("dicom")}' holds DICOM, and dcm2niix, which makes NIfTI of it, is not on this machine; install the package "
                + "dcm2niix, as by `apt-get install dcm2niix`.\n",
            outcome.Error);
        Assert.Single(Directory.GetFileSystemEntries(_work.At(".")));
    }

    [Fact]
    public void Dicom_becomes_a_cohort_by_the_same_command()
    {
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "dcm2niix"))),
            "dcm2niix is not on this machine");
        foreach (var patient in new[] { "P1", "P2", "P3" })
            new MadeDicom { Patient = patient, Oblique = (0.2, 0.3), Spacing = (2.5, 2.5, 3) }.Write(_work.At($"dicom/{patient}"));
        string[] command = ["data", "import", _work.At("dicom"), "--to", _work.At("cohort")];

        var rehearsed = _work.Here([.. command, "--dry-run"]);
        Assert.False(Path.Exists(_work.At("cohort.nifti")));
        var outcome = _work.Here(command);

        Assert.Equal((0, 0), (rehearsed.ExitCode, outcome.ExitCode));
        Assert.StartsWith($"{_work.At("dicom")} is laid out as dicom: 3 series of", rehearsed.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("voxelzoo-dicom-", rehearsed.Out + rehearsed.Error, StringComparison.Ordinal);
        Assert.Matches(@"t1_mprage +│ 3 +│ \*_T1_MPRAGE", rehearsed.Out);
        Assert.Contains("3 scans (train 1, val 1, test 1)", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("nothing to do, all 3 scans are there", _work.Here(command).Out, StringComparison.Ordinal);
    }

    /// <summary>Conversion takes minutes, and what is wrong with the rest of the command is known before.</summary>
    [Theory]
    [InlineData("taken", "--seed 1", "is there already and holds other things")]
    [InlineData("cohort", "--spacing 0", "--spacing 0: expected a voxel size in mm above 0.001 and below 1000")]
    [InlineData("cohort", "--split 80/20", "--split 80/20: neither shares")]
    public void Dicom_is_not_converted_for_an_import_that_is_refused(string to, string options, string sentence)
    {
        new MadeDicom { Slices = 3 }.Write(_work.At("dicom/a"));
        _work.Write("taken/notes.txt", "mine");

        var outcome = _work.Here(["data", "import", _work.At("dicom"), "--to", _work.At(to), .. options.Split(' ')]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("cohort.nifti")) || Path.Exists(_work.At("taken.nifti")));
    }

    [Fact]
    public void Head_is_beside_the_program_and_animals_are_found_beside_an_experiments_file()
    {
        Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "samples/colin27/ch2bet.nii.gz")));
        Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "samples/colin27/aal.nii.gz")));
        var experiment = _work.Write("there/experiments/mine.yaml", "training: {from: zoo/family/name}\n");
        Assert.Equal("zoo/family/name", From(experiment));

        _work.Write("there/zoo/family/name/card.yaml", "");

        Assert.Equal(_work.At("there/zoo/family/name"), From(experiment));
    }

    private static string From(string experiment) =>
        ((ScalarNode)ExperimentLoader.Read(experiment)["training"]!["from"]!).Text;

    [Fact]
    public void Init_writes_an_experiment_that_fits_the_cohort()
    {
        var outcome = _work.Here("init", _brats.Cohort, "--like", "pixel_unet", "--out", _work.At("mine.yaml"));

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var json = JsonNode.Parse(_work.Here("describe", _work.At("mine.yaml"), "--json").Out)!;
        Assert.Equal("t1c", (string?)json["target"]);
        Assert.Equal("""["seg"]""", json["condition"]!.ToJsonString());
        Assert.Equal("[1,1,32,48,48]", json["input_shape"]!.ToJsonString());
        Assert.Equal(2, (int?)json["training"]!["batch_size"]);
        var rehearsal = _work.Here("train", _work.At("mine.yaml"), "--dry-run", "--run", _work.Run);
        Assert.True(rehearsal.ExitCode == 0, rehearsal.Error);
        Assert.Contains("train 6, val 2, test 2 patients", rehearsal.Out, StringComparison.Ordinal);
        var shown = _work.Here("show", _work.At("mine.yaml"), "--json").Out;
        string[] keys = ["original_depth", "field_of_view", "slice_pitch", "normalization"];
        Assert.Equal("26, 72, 1.5, cohort", string.Join(", ", keys.Select(key => Value(shown, $"data.{key}"))));
    }

    private static JsonNode? Value(string shown, string key) =>
        JsonNode.Parse(shown)!.AsArray().Single(one => (string?)one!["key"] == key)!["value"]!.DeepClone();

    [Theory]
    [InlineData("quickstart", "", "t1c from seg, 32×48×48 (D×H×W)")] // one image from a mask, in blocks of eight voxels
    [InlineData("vqvae_4x", "", "t1c+t1n+t2f, 28×48×48 (D×H×W)")] // a compressor of every image
    [InlineData("pixel_unet", "target: seg\ncondition: null\nevaluation: {metrics: [dice]}", "seg, 32×48×48 (D×H×W)")] // masks
    [InlineData("pixel_unet", "data: {clip_quantiles: [0.001, 0.999]}", "t1c from seg, 32×48×48 (D×H×W)")] // whose quantiles give way
    public void Init_fits_experiments_of_each_sort(string like, string changed, string made)
    {
        var folder = like == "pixel_unet" ? "experiments/zoo" : "experiments";
        var other = _work.Write("other.yaml", $"extends: {Path.Combine(Repository.Root, folder, like)}.yaml\nid: other\n{changed}\n");

        var outcome = _work.Here("init", _brats.Cohort, "--like", other, "--out", _work.At("mine.yaml"));

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.StartsWith($"{_work.At("mine.yaml")}: {made}, ", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exp9_1", "exp9_1 diffuses latents of `vqvae`, which has to be trained on your volumes before")]
    [InlineData("pixel_unit", "pixel_unit: neither a file nor an experiment")]
    public void Init_that_cannot_be_is_refused(string like, string sentence)
    {
        var outcome = _work.Here("init", _brats.Cohort, "--like", like, "--out", _work.At("mine.yaml"));

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("mine.yaml")));
    }

    [Fact]
    public void Init_takes_the_image_that_most_patients_have_and_says_how_many_lack_one()
    {
        using var source = new MadeSource();
        for (var patient = 0; patient < 4; patient++)
        {
            source.Add($"train/p{patient}/t2x.nii.gz", at: MadeSource.Head);
            if (patient < 3)
                source.Add($"train/p{patient}/seg.nii.gz", at: MadeSource.Ball(7));
            if (patient < 2)
                source.Add($"train/p{patient}/t1c.nii.gz", at: MadeSource.Head);
        }

        var outcome = _work.Here("init", source.Path, "--like", "pixel_unet", "--out", _work.At("mine.yaml"));

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.StartsWith($"{_work.At("mine.yaml")}: t2x from seg, ", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("1 of the 4 patients in train lack an image of these", outcome.Out, StringComparison.Ordinal);
    }

    /// <summary>Its levels halve a grid four times, which no row of a fourth of the voxels bears: that is not the cause.</summary>
    [Fact]
    public void Init_says_of_a_network_that_takes_too_much_that_memory_is_the_cause()
    {
        var large = _work.Write("large.yaml", $"""
            extends: {Path.Combine(Repository.Root, "experiments/zoo/pixel_unet.yaml")}
            id: large
            architecture:
              channels: [65536, 65536, 65536, 65536, 65536]
              num_res_blocks: [1, 1, 1, 1, 1]
              attention_levels: [false, false, false, false, false]
            """);

        var outcome = _work.Here("init", _brats.Cohort, "--like", large, "--out", _work.At("mine.yaml"));

        Assert.Equal((2, false), (outcome.ExitCode, File.Exists(_work.At("mine.yaml"))));
        Assert.DoesNotContain("no grid of the cohort", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("use smaller volumes or a smaller network", outcome.Error, StringComparison.Ordinal);
    }

    /// <summary>The spans of intensities go with it, and nothing of whose they were.</summary>
    [Fact]
    public void Run_on_an_imported_cohort_becomes_an_animal_that_can_be_sampled()
    {
        Done("init", _brats.Cohort, "--like", "quickstart", "--out", _work.At("mine.yaml"));
        Done(
            "train", _work.At("mine.yaml"), "--profile", "smoke", "--run", _work.Run,
            "--set", "architecture.channels=[8, 8, 8, 8]", "--set", "training.from=null", "--set", "training.ema.update_after=0");
        var facts = _work.Write("facts.yaml", """
            summary: Paints a made head.
            data: Made heads.
            memorisation: Not measured.
            measures: [{metric: psnr, value: 20, against: test, protocol: by hand}]
            licences: {code: Apache-2.0, weights: CC0-1.0, data: CC0-1.0}
            use: {intended: For tests., limits: [Not for a clinic.]}
            """);

        Done("zoo", "export", _work.Run, "--as", "unet3d/imported", "--facts", facts, "--zoo", _work.At("zoo"), "--conditions", "1");

        var animal = _work.At("zoo/unet3d/imported");
        Assert.Equal(0, _work.Here("zoo", "verify", animal).ExitCode);
        Assert.Contains("cohort/cohort.json:", File.ReadAllText(Path.Combine(animal, "card.yaml")), StringComparison.Ordinal);
        var (ours, theirs) = (Sheet(Path.Combine(animal, "cohort")), Sheet(_brats.Cohort));
        Assert.True(JsonNode.DeepEquals(theirs["kinds"], ours["kinds"]));
        var text = ours.ToJsonString();
        Assert.All(theirs["scans"]!.AsArray(), scan => Assert.DoesNotContain((string)scan!["patient"]!, text, StringComparison.Ordinal));
        Assert.DoesNotContain(_brats.Source.Path, text, StringComparison.Ordinal);
        Done("sample", animal, "--count", "1", "--out", _work.At("animal"));
        Done("sample", _work.Run, "--count", "1", "--out", _work.At("run"));
        using var scope = TorchSharp.torch.NewDisposeScope();
        var (made, expected) = (Volume("animal"), Volume("run"));
        Assert.InRange((made - expected).abs().max().item<float>(), 0, 1e-5);
    }

    private static JsonNode Sheet(string cohort) => JsonNode.Parse(File.ReadAllText(Path.Combine(cohort, "cohort.json")))!;

    private TorchSharp.torch.Tensor Volume(string folder) => Engine.Nifti.NiftiFile.Read(_work.At($"{folder}/00000/t1c.nii.gz")).ToTensor();

    private void Done(params string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    [Fact]
    public void Init_takes_any_name_of_a_cohorts_folder()
    {
        var odd = _work.At("a \"b\": {c}\n# d");
        Directory.CreateSymbolicLink(odd, _brats.Cohort);

        Done("init", odd, "--out", _work.At("mine.yaml"));

        Assert.Equal(odd, (string?)Value(_work.Here("show", _work.At("mine.yaml"), "--json").Out, "data.cohort"));
    }

    [Fact]
    public void Init_says_of_a_cohort_that_fits_no_grid_what_to_do()
    {
        var outcome = _work.Here("init", _brats.Cohort, "--like", "dcae_f32", "--out", _work.At("mine.yaml"));

        Assert.Equal((2, false), (outcome.ExitCode, File.Exists(_work.At("mine.yaml"))));
        Assert.StartsWith($"no grid of the cohort '{_brats.Cohort}'", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Init_replaces_no_file()
    {
        _work.Write("mine.yaml", "id: mine");

        var outcome = _work.Here("init", _brats.Cohort, "--out", _work.At("mine.yaml"));

        Assert.Equal((2, "id: mine"), (outcome.ExitCode, File.ReadAllText(_work.At("mine.yaml"))));
        Assert.Contains("is there already", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_names_the_line_that_wrote_each_value()
    {
        var outcome = _work.Here("show", "pixel_unet", "--set", "training.epochs=7", "--json");

        var values = JsonNode.Parse(outcome.Out)!.AsArray();
        Assert.True(values.Count > 40, outcome.Error);
        Assert.Contains(values, value => (string?)value!["source"] == "default");
        Assert.Equal("--set training.epochs", (string?)values.Single(value => (string?)value!["key"] == "training.epochs")!["source"]);
        foreach (var value in values.Where(value => value!["line"] is not null))
        {
            var line = File.ReadLines((string)value!["source"]!).ElementAt((int)value["line"]! - 1);
            string[] words = [.. ((string)value["key"]!).Split('.').Where(word => !int.TryParse(word, out _))];
            // a part may be named by its id alone, in the line of its section
            Assert.True(
                line.Contains(words[^1], StringComparison.Ordinal)
                    || (words[^1] == "use" && line.Contains(words[^2], StringComparison.Ordinal)) || line.TrimStart().StartsWith('-'),
                $"{value}: {line}");
        }
    }

    [Fact]
    public void Check_lists_every_patient_marks_those_unlike_the_others_and_draws_all()
    {
        using var source = new MadeSource();
        for (var i = 0; i < 6; i++)
            source.Add(
                $"train/p{i}/t1.nii.gz",
                i == 2 ? "LPS" : "RAS",
                at: (x, y, z) =>
                    (i == 4 ? 50 : 1 + i / 100.0) * MadeSource.Head(x, y, z)).Add($"train/p{i}/seg.nii.gz", i == 2
                        ? "LPS"
                        : "RAS", at: MadeSource.Ball(7));

        var outcome = _work.Here("data", "check", source.Path, "--html", _work.At("page.html"));

        string Row(int patient) => outcome.Out.Split('\n').Single(line => line.Contains($"train/p{patient} ", StringComparison.Ordinal));
        Assert.Matches(@"20×20×20 +│ 3×3×3 +│ RAS +│ 0 to [0-9.]+ +│ 1 +│ 1\.[0-9]+ +│ *$", Row(0)); // a ball of 7 mm has 1.44 ml
        Assert.EndsWith("orientation", Row(2).TrimEnd(), StringComparison.Ordinal);
        Assert.EndsWith("brightest t1", Row(4).TrimEnd(), StringComparison.Ordinal);
        Assert.Contains("2 unlike the others", outcome.Out, StringComparison.Ordinal);
        var page = File.ReadAllText(_work.At("page.html"));
        Assert.Equal((6, 6), (page.Split("<figure").Length - 1, page.Split("data:image/png;base64,").Length - 1));
    }

    [Fact]
    public void Check_replaces_its_own_page_and_no_other_file()
    {
        using var source = new MadeSource();
        source.Add("train/p0/t1.nii.gz", at: MadeSource.Head);
        var (own, other) = (_work.At("page.html"), Path.Combine(source.Path, "train/p0/t1.nii.gz"));
        var before = File.ReadAllBytes(other);
        Done("data", "check", source.Path, "--html", own);
        var page = File.ReadAllText(own);
        File.AppendAllText(own, "of an older cohort");

        Done("data", "check", source.Path, "--html", own);
        var refused = _work.Here("data", "check", source.Path, "--html", other);

        Assert.Equal(page, File.ReadAllText(own));
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal(before, File.ReadAllBytes(other));
        Assert.Equal(
            $"--html {other}: this is there already and no page of `data check`; name another file, or remove it\n", refused.Error);
    }

    [Fact]
    public void Runs_are_listed_and_compared()
    {
        foreach (var (run, epochs) in new[] { ("one", 3), ("two", 5) })
        {
            _work.Write($"runs/{run}/experiment.yaml", $"id: mine\ntarget: t1c\ntraining: {{epochs: {epochs}, seed: 1}}\n");
            Workspace.Seal(_work.At($"runs/{run}"));
        }

        var diff = _work.Here("runs", "diff", _work.At("runs/one"), _work.At("runs/two"), "--json");
        var list = _work.Here("runs", "list", _work.At("runs"), "--json");

        Assert.Equal("""[{"key":"training.epochs","a":3,"b":5}]""", JsonNode.Parse(diff.Out)!.ToJsonString());
        Assert.Equal(["one", "two"], JsonNode.Parse(list.Out)!.AsArray().Select(run => (string?)run!["name"]));
    }
}
