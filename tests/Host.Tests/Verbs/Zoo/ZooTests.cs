using System.Text.Json.Nodes;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Host.Zoo;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Tests.Verbs.Zoo;

/// <summary>Animals: exported from runs, verified, and read wherever a run is.</summary>
public sealed class ZooTests(ExportedAnimal exported) : IDisposable
{
    private readonly Workspace _work = new();

    /// <summary>All animals that ship.</summary>
    public static TheoryData<string> Shipped => [.. ZooFolder.In(Path.Combine(Repository.Root, "zoo")).DefaultIfEmpty("")];

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Exported_animal_is_what_its_card_says()
    {
        Assert.Equal(0, _work.Here("zoo", "verify", exported.Folder).ExitCode);

        var card = CardYaml.Read(exported.Folder).Card;
        Assert.Equal((ExportedAnimal.Id, "unet3d", "ema", 2), (card.Id, card.Network.Part, card.Network.Weights, card.Training.Steps));
        Assert.Contains(card.Measures, measure => measure is { Metric: "sharpness", Against: "test" });
        Assert.Equal(
            ["cohort/test/test_000/seg.nii.gz", "denoiser.safetensors", "experiment.yaml", "loss.svg", "sample.png"],
            card.Files.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("[0.1.0, 0.2.0)", card.Plugins["unet3d"]);
    }

    /// <summary>Painted metastases are bright; a network of two steps has none of them yet, and the report says so first.</summary>
    [Fact]
    public void Tumours_are_measured_where_the_masks_say()
    {
        var lesions = JsonNode.Parse(File.ReadAllText(Path.Combine(exported.Run, "evaluation.json")))!["generated"]![0]!["metrics"]!
            .AsArray()
            .Where(metric => (string?)metric!["metric"] == "lesions").ToArray();

        Assert.Equal(["train", "test", "val"], lesions.Select(metric => (string?)metric!["against"]));
        Assert.All(lesions, metric => Assert.InRange((double)metric!["details"]!["contrast_real"]!, 0.05, 5));
        Assert.All(lesions, metric => Assert.InRange((double)metric!["value"]!, -1, 0.5));
        Assert.Contains(
            "> **Warning:** generated tumours are hardly seen",
            File.ReadAllText(Path.Combine(exported.Run, "report.md")),
            StringComparison.Ordinal);

        var refused = _work.Here(
            "train", "quickstart", "--profile", "smoke", "--run", _work.At("refused"), "--set", "condition.images=[]", "--set",
            "evaluation.metrics=[lesions]");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(
            "`lesions` measures tumours by their masks, and nothing here is made from one", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_weights_are_the_average_of_the_best_checkpoint()
    {
        var best = Path.Combine(exported.Run, "checkpoints", File.ReadAllText(Path.Combine(exported.Run, "checkpoints", "best")).Trim());

        AssertSame(Path.Combine(best, "ema.safetensors"), Path.Combine(exported.Folder, "denoiser.safetensors"), tolerance: 0);
    }

    [Fact]
    public void Bfloat16_keeps_weights_to_eight_bits_in_half_the_size()
    {
        Assert.Equal(
            0,
            _work.Here(
                "zoo", "export", exported.Run, "--as", "unet3d/half", "--facts", exported.Facts, "--zoo", _work.At("zoo"),
                "--dtype", "bfloat16").ExitCode);

        var (whole, half) = (Path.Combine(exported.Folder, "denoiser.safetensors"), _work.At("zoo/unet3d/half/denoiser.safetensors"));
        AssertSame(whole, half, tolerance: 1.0 / 256);
        Assert.InRange(new FileInfo(half).Length, 0.4 * new FileInfo(whole).Length, 0.6 * new FileInfo(whole).Length);
        Assert.Contains(
            CardYaml.Read(_work.At("zoo/unet3d/half")).Card.Measures,
            measure => measure.Protocol.EndsWith("with the weights in float32", StringComparison.Ordinal));
    }

    /// <summary>
    /// The conditions come with it, so that no cohort is needed; noise and mask are those of the run, so the volume is too.
    /// </summary>
    [Fact]
    public void Animal_is_sampled_as_its_run_is()
    {
        Assert.Equal(0, _work.Here("sample", exported.Folder, "--count", "1", "--out", _work.At("animal")).ExitCode);
        Assert.Equal(0, _work.Here("sample", exported.Run, "--count", "1", "--out", _work.At("run")).ExitCode);

        using var scope = NewDisposeScope();
        var (ours, theirs) = (Volume("animal"), Volume("run"));
        Assert.InRange((ours - theirs).abs().max().item<float>(), 0, 1e-5);
        var blocks = nn.functional.adaptive_avg_pool3d(ours.unsqueeze(0), [4, 4, 4]).flatten().data<float>().ToArray();
        Assert.All(CardYaml.Read(exported.Folder).Card.Trial.Blocks.Zip(blocks), pair => Assert.Equal(pair.First, pair.Second, 2e-4));
    }

    [Fact]
    public void Animal_is_evaluated_on_a_cohort_that_is_named_and_on_no_other()
    {
        var refused = _work.Here("evaluate", exported.Folder);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("name a cohort with --cohort DIR", refused.Error, StringComparison.Ordinal);

        var evaluated = _work.Here(
            "evaluate", exported.Folder, "--cohort", Path.Combine(exported.Run, "cohort"), "--split", "test", "--checkpoint", "best",
            "--set", "evaluation.metrics=[psnr]", "--json");
        Assert.True(evaluated.ExitCode == 0, evaluated.Error);
        var loss = CardYaml.Read(exported.Folder).Card.Measures.Single(measure => measure is { Metric: "loss", Against: "test" }).Value;
        Assert.Equal(loss, (double)JsonNode.Parse(evaluated.Out)!["results"]![0]!["loss"]!, 1e-6);
    }

    [Theory]
    [InlineData("sample", "--count 0")]
    [InlineData("sample", "--solver eulr")]
    [InlineData("sample", "--cohort nowhere")]
    [InlineData("evaluate", "")]
    [InlineData("evaluate", "--cohort nowhere")]
    [InlineData("train-diffrs", "")]
    public void What_is_refused_leaves_no_run_of_the_animal(string verb, string options)
    {
        var folder = Path.Combine(Copy("refused/zoo"), "../../..");

        var (said, error, code) = InFolder(folder, [verb, $"zoo/{ExportedAnimal.Id}", .. options.Split(' ',
            StringSplitOptions.RemoveEmptyEntries)]);

        Assert.Equal((2, ""), (code, said));
        Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.False(Directory.Exists(Path.Combine(folder, "runs")), error);
    }

    [Fact]
    public void List_search_and_show_tell_of_it()
    {
        var folder = Copy("near/zoo");
        var (said, _, _) = InFolder(Path.Combine(folder, "../../.."), "zoo", "list", "--json");
        var listed = JsonNode.Parse(said)!.AsArray().Single(one => (string?)one!["id"] == ExportedAnimal.Id)!;
        Assert.Equal(["id", "summary", "parameters", "size", "sharpness", "licence"], listed.AsObject().Select(pair => pair.Key));
        Assert.Equal(("Paints a tiny head.", "CC0-1.0"), ((string?)listed["summary"], (string?)listed["licence"]));
        Assert.Equal(
            Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(IsOfCard).Sum(file => new FileInfo(file).Length),
            (long)listed["size"]!);

        Assert.Contains(
            ExportedAnimal.Id, InFolder(Path.Combine(folder, "../../.."), "zoo", "search", "TINY", "seg").Out, StringComparison.Ordinal);
        Assert.DoesNotContain(
            ExportedAnimal.Id, InFolder(Path.Combine(folder, "../../.."), "zoo", "search", "tiny", "kidney").Out, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "README.md")), _work.Here("zoo", "show", folder).Out);
    }

    [Theory]
    [InlineData("denoiser.safetensors")]
    [InlineData("experiment.yaml")]
    [InlineData("cohort/test/test_000/seg.nii.gz")]
    public void Flipped_byte_is_refused_by_every_verb(string file)
    {
        var folder = Copy("zoo");
        var bytes = File.ReadAllBytes(Path.Combine(folder, file));
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(Path.Combine(folder, file), bytes);

        foreach (var arguments in new string[][]
        {
            ["sample", folder, "--out", _work.At("out")], ["zoo", "import", folder, "--zoo", _work.At("mine")],
        })
        {
            var refused = _work.Here(arguments);
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains($"{file} is not the file that the card describes", refused.Error, StringComparison.Ordinal);
        }

        Assert.Equal(1, _work.Here("zoo", "verify", folder).ExitCode);
        Assert.False(Path.Exists(_work.At("out")) || Path.Exists(_work.At("mine")));
    }

    [Theory]
    [InlineData("licences", "weights", "the key `weights` is missing")]
    [InlineData("use", "limits", "the key `limits` is missing")]
    [InlineData("training", "seed", "the key `seed` is missing")]
    [InlineData("", "memorisation", "the key `memorisation` is missing")]
    public void Missing_field_of_the_card_fails(string section, string key, string sentence)
    {
        var folder = Copy("zoo");
        var card = (MapNode)YamlReader.ReadFile(Path.Combine(folder, Animal.CardName));
        card = section.Length == 0 ? card.Without(key) : card.With(section, ((MapNode)card[section]!).Without(key));
        File.WriteAllText(Path.Combine(folder, Animal.CardName), YamlWriter.Write(card));

        var failed = _work.Here("zoo", "verify", folder);

        Assert.Equal(1, failed.ExitCode);
        Assert.Contains(sentence, failed.Out, StringComparison.Ordinal);
        Assert.Equal(2, _work.Here("sample", folder).ExitCode);
    }

    [Theory]
    [InlineData("\"[0.1.0, 0.2.0)\"", "\"[9.0.0, 10.0.0)\"", "it needs the plugin", true)]
    [InlineData("summary: \"Paints", "summary: \"Makes", "README.md is not what the card says", false)]
    [InlineData("denoiser.safetensors:", "../denoiser.safetensors:", "which leads out of the folder", false)]
    [InlineData("id: unet3d/tiny", "id: unet3d/small", "the folder is unet3d/tiny and its card is of unet3d/small", false)]
    public void What_is_not_as_the_card_says_is_named(string before, string after, string sentence, bool ofPlugins)
    {
        var folder = Copy("zoo");
        var text = File.ReadAllText(Path.Combine(folder, Animal.CardName));
        Assert.Contains(before, text, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, Animal.CardName), text.Replace(before, after, StringComparison.Ordinal));
        if (ofPlugins)
            Assert.Equal(1, _work.Here("zoo", "verify", folder, "--write").ExitCode);

        var failed = _work.Here("zoo", "verify", folder);

        Assert.Equal(1, failed.ExitCode);
        Assert.Contains(sentence, failed.Out, StringComparison.Ordinal);
        Assert.Equal(2, _work.Here("sample", folder, "--out", _work.At("out")).ExitCode);
    }

    [Fact]
    public void Import_takes_what_the_card_names()
    {
        Assert.Equal(0, _work.Here("zoo", "import", exported.Folder, "--zoo", _work.At("mine")).ExitCode);
        Assert.Equal(0, _work.Here("zoo", "verify", _work.At($"mine/{ExportedAnimal.Id}")).ExitCode);

        var again = _work.Here("zoo", "import", exported.Folder, "--zoo", _work.At("mine"));
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("is there already", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_refuses_what_only_a_person_knows_and_leaves_nothing()
    {
        var refused = _work.Here(
            "zoo", "export", exported.Run, "--as", ExportedAnimal.Id, "--facts",
            _work.Write("facts.yaml", "summary: A head."), "--zoo", _work.At("zoo"));

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("the key `licences` is missing", refused.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("zoo")));
    }

    [Fact]
    public void Zoo_that_is_no_folder_is_refused()
    {
        foreach (var arguments in new string[][]
        {
            ["zoo", "export", exported.Run, "--as", ExportedAnimal.Id, "--facts", exported.Facts], ["zoo", "import", exported.Folder],
        })
        {
            var refused = _work.Here([.. arguments, "--zoo", _work.Write("file", "")]);

            Assert.Equal(2, refused.ExitCode);
            Assert.Contains("is a file and no folder; name a folder", refused.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>One that lives holds its folder open.</summary>
    [Fact]
    public void What_a_killed_process_left_goes_with_the_next_animal()
    {
        var zoo = _work.At("mine");
        _work.Write("mine/.making.dead/held", "");
        _work.Write("mine/.making.alive/held", "");
        using var alive = new FileStream(Path.Combine(zoo, ".making.alive/held"), FileMode.Open, FileAccess.Write, FileShare.None);

        Done("zoo", "import", exported.Folder, "--zoo", zoo);

        Assert.Equal(
            [".making.alive", "unet3d"], Directory.GetFileSystemEntries(zoo).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Animal_that_another_process_made_meanwhile_stays()
    {
        var place = _work.At($"mine/{ExportedAnimal.Id}");

        var refused = Assert.Throws<UsageException>(() => StagedAnimal.Put(place, _ => Directory.CreateDirectory(place)));

        Assert.Contains("was made by another process meanwhile", refused.Message, StringComparison.Ordinal);
        Assert.Equal(["unet3d"], Directory.GetFileSystemEntries(_work.At("mine")).Select(Path.GetFileName));
    }

    [Fact]
    public void Name_of_no_animal_is_refused_with_the_nearest()
    {
        string[] train = ["train", "quickstart", "--profile", "smoke", "--run", _work.At("refused"), "--from"];
        foreach (var arguments in new string[][] { ["sample"], train })
        {
            var refused = _work.Here([.. arguments, "zoo/unet3d/nobody"]);

            Assert.Equal(2, refused.ExitCode);
            Assert.Contains("zoo/unet3d/nobody: there is no such animal", refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("train it first", refused.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>Those of the repository, with their README and the ranges of plugins: a missing field fails here.</summary>
    [Theory]
    [MemberData(nameof(Shipped))]
    public void Shipped_animal_is_what_its_card_says(string folder)
    {
        if (folder.Length == 0)
            return; // none ships yet
        var verified = _work.Here("zoo", "verify", folder);

        Assert.True(verified.ExitCode == 0, verified.Out + verified.Error);
    }

    /// <summary>One of each family makes the volume that its card describes, here too.</summary>
    [Theory]
    [MemberData(nameof(Shipped))]
    public void Shipped_animal_makes_the_volume_that_its_card_describes(string folder)
    {
        if (folder.Length == 0 || CardYaml.Read(folder).Card is not { Network.Component: not "compressor" } card)
            return;
        var sampled = _work.Here("sample", folder, "--count", "1", "--out", _work.At("shipped"));
        Assert.True(sampled.ExitCode == 0, sampled.Error);

        using var scope = NewDisposeScope();
        var volume = NiftiFile.Read(_work.At($"shipped/00000/{card.Volumes.Target[0]}.nii.gz")).ToTensor();
        var blocks = nn.functional.adaptive_avg_pool3d(volume.unsqueeze(0), [4, 4, 4]).flatten().data<float>().ToArray();
        Assert.All(card.Trial.Blocks.Zip(blocks), pair => Assert.Equal(pair.First, pair.Second, 0.02));
    }

    /// <summary>A compressor's animal lends its weights, and one that diffuses its latents has them with it.</summary>
    [Fact]
    public void Compressor_lends_its_weights_to_what_diffuses_its_latents()
    {
        string[] small = ["--set", "compressor.channels=[4, 4]", "--set", "compressor.num_res_channels=[4, 4]"];
        string[] cohort = [.. ExportedAnimal.Tiny[..10], "--set", $"data.cohort={exported.Run}/cohort"];
        Done(["train", "zoo/vqvae", "--profile", "smoke", "--run", _work.At("vqvae"), .. cohort, .. small, "--set", "target=bravo"]);
        var facts = _work.Write("facts.yaml", File.ReadAllText(exported.Facts) + "\n" + """
            data: The cohort of another run.
            memorisation: Not measured.
            measures: [{metric: psnr, value: 20, against: test, protocol: by hand}]
            """);
        Done("zoo", "export", _work.At("vqvae"), "--as", "vqvae/tiny", "--facts", facts, "--zoo", _work.At("zoo"));
        string[] lent =
        [
            "--set", "compressor.train_first=null", "--set", $"compressor.from={_work.At("zoo/vqvae/tiny")}", "--set",
            "architecture.channels=[8, 8]", "--set", "architecture.num_res_blocks=[1, 1]",
        ];
        string[] shallow =
        [
            "--set", "architecture.attention_levels=[false, false]", "--set", "architecture.num_head_channels=8", "--set",
            "architecture.norm_num_groups=8",
        ];
        Done(["train", "zoo/vqvae_unet", "--profile", "smoke", "--run", _work.At("latent"), .. cohort, .. small, .. lent, .. shallow]);
        Done("zoo", "export", _work.At("latent"), "--as", "unet3d-latent/tiny", "--facts", facts, "--zoo", _work.At("zoo"));

        Assert.Equal(0, _work.Here("zoo", "verify", _work.At("zoo/vqvae/tiny"), _work.At("zoo/unet3d-latent/tiny")).ExitCode);
        var compressor = CardYaml.Read(_work.At("zoo/vqvae/tiny")).Card;
        Assert.Contains("sample.png", compressor.Files.Keys);
        Assert.Equal("Three planes, intensities 0 to 1; a real volume, and what was restored of it.", compressor.Seen);
        Assert.Subset(
            CardYaml.Read(_work.At("zoo/unet3d-latent/tiny")).Card.Files.Keys.ToHashSet(),
            new HashSet<string> { "denoiser.safetensors", "compressor.safetensors", "latents.json" });
        AssertSame(
            _work.At("zoo/vqvae/tiny/compressor.safetensors"), _work.At("zoo/unet3d-latent/tiny/compressor.safetensors"), tolerance: 0);
        Done("sample", _work.At("latent"), "--count", "1", "--out", _work.At("run"));
        Done("sample", _work.At("zoo/unet3d-latent/tiny"), "--count", "1", "--out", _work.At("animal"));
        using var scope = NewDisposeScope();
        Assert.InRange((Volume("run") - Volume("animal")).abs().max().item<float>(), 0, 1e-5);
    }

    /// <summary>What docs/zoo.md says of animals is what their cards say.</summary>
    [Fact]
    public void Page_is_made_of_the_cards()
    {
        var page = Path.Combine(Repository.Root, "docs/zoo.md");
        Animal[] shipped = [.. ZooFolder.In(Path.Combine(Repository.Root, "zoo")).Order(StringComparer.Ordinal).Select(CardYaml.Read)];
        Assert.Equal(CardPage.Put(File.ReadAllText(page), shipped, Path.GetDirectoryName(page)!), File.ReadAllText(page));

        var folder = Path.GetDirectoryName(exported.Folder)!;
        var put = CardPage.Put(
            "Before.\n\n<!-- animals: made by `zoo list --page` -->\nold\n<!-- /animals -->\n\nAfter.\n",
            [CardYaml.Read(exported.Folder)],
            folder);
        Assert.StartsWith("Before.\n\n<!-- animals", put, StringComparison.Ordinal);
        Assert.Contains(
            "](tiny/sample.png)\n\nThree planes, intensities 0 to 1; a real volume, its mask, and what was made from it.\n\n"
            + "- Not for a clinic.\n- Memorisation: ",
            put,
            StringComparison.Ordinal);
        Assert.DoesNotContain("old", put, StringComparison.Ordinal);
        Assert.EndsWith("<!-- /animals -->\n\nAfter.\n", put, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => CardPage.Put("Nothing.", [], folder));
    }

    [Fact]
    public void Shipped_animals_take_no_more_than_60_megabytes() =>
        Assert.InRange(ZooFolder.In(Path.Combine(Repository.Root, "zoo")).Sum(folder => CardYaml.Read(folder).Card.Bytes), 0, 60_000_000);

    private void Done(params string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    private static bool IsOfCard(string file) => Path.GetFileName(file) is not (Animal.CardName or Animal.ReadmeName);

    private string Copy(string zoo)
    {
        var folder = _work.At($"{zoo}/{ExportedAnimal.Id}");
        foreach (var file in Directory.GetFiles(exported.Folder, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(folder, Path.GetRelativePath(exported.Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        return folder;
    }

    /// <summary>The program in another working folder, which is a process's own.</summary>
    private static (string Out, string Error, int ExitCode) InFolder(string folder, params string[] arguments)
    {
        var start = new System.Diagnostics.ProcessStartInfo(VoxelZooProgram.Executable, arguments)
        {
            WorkingDirectory = Path.GetFullPath(folder), RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (said, error.Result, process.ExitCode);
    }

    private Tensor Volume(string folder) => NiftiFile.Read(_work.At($"{folder}/00000/bravo.nii.gz")).ToTensor();

    private static void AssertSame(string expected, string found, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var one = SafetensorsFile.Read(expected);
        using var other = SafetensorsFile.Read(found);
        Assert.Equal(one.Keys, other.Keys);
        foreach (var (name, tensor) in one)
            Assert.True((other[name].to(float32) - tensor).abs().le(tensor.abs() * Tensors.Scalars.S(tolerance)).all().item<bool>(), name);
    }
}
