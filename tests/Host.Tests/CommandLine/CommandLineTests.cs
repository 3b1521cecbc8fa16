using System.Diagnostics;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;
using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.CommandLine;

public sealed class CommandLineTests
{
    [Fact]
    public void Program_alone_shows_its_help()
    {
        var outcome = Run();

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.Contains("plugins", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_of_files_and_names_are_shown_and_do_nothing()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train/\u001b[31mred/bravo.nii.gz", "no volume");
        var experiment = folder.Write("e.yaml", $"extends: {Repository.Root}/experiments/exp11.yaml\nid: e\ntitle: \"a\\e[2Jb\"\n");

        foreach (var outcome in new[] { RunHere("data", "check", folder.Path), RunHere("describe", experiment) })
        {
            Assert.DoesNotContain('\u001b', outcome.Out + outcome.Error);
            Assert.Contains("\\x1b[", outcome.Out + outcome.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("plugns list", "voxelzoo has no verb `plugns`; did you mean `plugins`?")]
    [InlineData("plugins lst", "voxelzoo plugins has no verb `lst`; did you mean `list`?")]
    [InlineData("plugins", "say what to do: `voxelzoo plugins list`")]
    [InlineData("plugins list --jsn", "voxelzoo plugins list has no option `--jsn`; did you mean `--json`?")]
    [InlineData("plugins list extra", "voxelzoo plugins list does not take `extra`")]
    [InlineData("plugins info nothing", "there is no plugin `nothing`")]
    [InlineData("plugins list --plugins /no/such/folder", "--plugins /no/such/folder: there is no such folder")]
    [InlineData("model forward --config a", "Option '--weights' is required")]
    [InlineData("model forward --config /no/c.json --weights w --inputs i --out o", "/no/c.json: there is no such file")]
    [InlineData("sample /tmp --count x", "`--count` takes a whole number of 32 bits, found `x`")]
    [InlineData("sample /tmp --guidance x", "`--guidance` takes a number, found `x`")]
    [InlineData("sample /tmp --guidance 3,5", "`--guidance` takes a number, found `3,5`; the decimal sign is a point")]
    [InlineData("sample /tmp --time-shift 1,5", "`--time-shift` takes a number, found `1,5`")]
    [InlineData("sample /tmp --guidance-rescale 1,000", "`--guidance-rescale` takes a number, found `1,000`")]
    [InlineData("sample /tmp --guidance NaN", "`--guidance` takes a number, found `NaN`")]
    [InlineData("sample /tmp --guidance 1e999", "`--guidance` takes a number, found `1e999`")]
    [InlineData("sample /tmp --count 1,000", "`--count` takes a whole number of 32 bits, found `1,000`")]
    [InlineData("sample /tmp --count 4294967297", "`--count` takes a whole number of 32 bits, found `4294967297`")]
    [InlineData("sweep steps /tmp --lo 1,0", "`--lo` takes a whole number of 32 bits, found `1,0`")]
    [InlineData("submit exp1 --chain 2,0", "`--chain` takes a whole number of 32 bits, found `2,0`")]
    [InlineData(
        "data synthesize --out d --seed 9223372036854775808", "`--seed` takes a whole number of 64 bits, found `9223372036854775808`")]
    [InlineData("evaluate r --split brain", "`--split` is `brain`; name one of train, val, test")]
    [InlineData(
        "evaluate r --split val,tset",
        "`--split` is `val,tset`; name one of train, val, test, each by itself, as in `--split val --split test`")]
    [InlineData(
        "evaluate r --split a,b", "`--split` is `a,b`; name one of train, val, test, each by itself, as in `--split train --split val`")]
    [InlineData("data check d --kinds ", "`--kinds` is empty, expected KIND")]
    [InlineData("evaluate r --split tets", "`--split` is `tets`; name one of train, val, test; did you mean `test`?")]
    [InlineData(
        "evaluate r --checkpoint best,latset",
        "`--checkpoint` is `best,latset`; name one of best, latest, best_generation, step-XXXXXXXX, each by itself, "
        + "as in `--checkpoint best --checkpoint latest`")]
    [InlineData(
        "sweep steps r --checkpoint lates,best",
        "`--checkpoint` is `lates,best`; name one of best, latest, best_generation, step-XXXXXXXX; did you mean `latest`?")]
    [InlineData(
        "train ",
        "`EXP` is empty, expected an experiment's YAML file, its id in the folder `experiments`, or PLUGIN/ID of one that a plugin brings")]
    [InlineData("sample ", "`RUN` is empty, expected a run's folder")]
    [InlineData("report ", "`RUNS` is empty, expected a run's folder")]
    [InlineData("train exp11 --run ", "`--run` is empty, expected DIR")]
    [InlineData("train exp11 --set ", "`--set` is empty, expected KEY=VALUE")]
    [InlineData("data latents --help", "voxelzoo data has no verb `latents` (verbs: synthesize, import, check, info, prepare)")]
    [InlineData("trian --help", "voxelzoo has no verb `trian`; did you mean `train`?")]
    [InlineData("metric pnsr", "there is no metric `pnsr`; did you mean `psnr`?")]
    [InlineData("metric psnr", "Option '--inputs' is required; see `voxelzoo metric --help`")]
    [InlineData(
        "describe exp1 --set target=brava",
        "--set target: there is no image kind 'brava'; the kinds are bravo, flair, t1_pre, t1_gd, seg; did you mean `bravo`?")]
    [InlineData(
        "describe exp1 --set condition.images=[sge]",
        "--set condition.images: there is no image kind 'sge'; the kinds are bravo, flair, t1_pre, t1_gd, seg; did you mean `seg`?")]
    [InlineData("train /tmp", "/tmp: this is a folder, and an experiment is expected: its YAML file, or its id, such as ")]
    [InlineData("describe /tmp", "/tmp: this is a folder, and an experiment is expected")]
    [InlineData("synthesize --out d", "voxelzoo has no verb `synthesize`; did you mean `data synthesize`?")]
    [InlineData("solver r", "voxelzoo has no verb `solver`; did you mean `sweep solvers`?")]
    [InlineData(
        "evaluate r --checkpoint bset",
        "`--checkpoint` is `bset`; name one of best, latest, best_generation, step-XXXXXXXX; did you mean `best`?")]
    [InlineData("sweep solvers r --split tset", "`--split` is `tset`; name one of train, val, test; did you mean `test`?")]
    [InlineData("data synthesize --out d --set min_lesions=9", "--set min_lesions: min_lesions 9 is more than max_lesions 5")]
    [InlineData("data synthesize --out /dev/null/d", "--out /dev/null/d: ")]
    [InlineData("data synthesize --out /proc/a/b", "--out /proc/a/b: ")]
    [InlineData("metric nothing --inputs i", "there is no metric `nothing`")]
    public void Wrong_usage_is_one_sentence_and_exit_code_2(string arguments, string sentence)
    {
        var outcome = RunHere(arguments.Split(' '));

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("plugins list")]
    [InlineData("describe exp1 --json")]
    [InlineData("--help")]
    public void Closed_standard_output_is_refused(string arguments)
    {
        var outcome = Shell($"exec \"$0\" {arguments} >&-");

        Assert.Equal((2, "standard output is closed; send it to a file, or to /dev/null\n"), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void Closed_standard_error_changes_nothing_else()
    {
        Assert.Equal(0, Shell("exec \"$0\" plugins list 2>&-").ExitCode);
        Assert.Equal(2, Shell("exec \"$0\" plugins info nothing 2>&-").ExitCode);
    }

    private static Outcome Shell(string line)
    {
        using var shell = StartOther([], "sh", "-c", line, Executable);
        var error = shell.StandardError.ReadToEndAsync();
        var output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        return new Outcome(shell.ExitCode, output, error.Result);
    }

    [Fact]
    public void Data_check_ends_with_1_where_it_finds_something_and_with_2_where_it_cannot_look()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train/p1/bravo.nii.gz", "not a volume");

        var (found, usage, absent) = (
            Run("data", "check", folder.Path),
            Run("data", "check", folder.Path, "--kinds", "brava"),
            Run("data", "check", $"{folder.Path}/no"));

        Assert.Equal((1, ""), (found.ExitCode, found.Error));
        Assert.Contains("train/p1/bravo.nii.gz", found.Out, StringComparison.Ordinal);
        Assert.Equal((2, ""), (usage.ExitCode, usage.Out));
        Assert.Equal((2, ""), (absent.ExitCode, absent.Out));
    }

    [Fact]
    public void Absent_libtorch_is_one_sentence_and_exit_code_2()
    {
        var outcome = RunWith(new() { ["VOXELZOO_LIBTORCH"] = "/no/such/lib" }, "describe", "exp1");

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.Equal(
            "VOXELZOO_LIBTORCH is /no/such/lib, where there is no libtorch_cpu.so; point it at a folder such as torch/lib\n",
            outcome.Error);
    }

    [Fact]
    public void Signal_ends_a_verb_that_has_nothing_to_save()
    {
        // it has seconds to compute when libtorch is loaded
        using var verb = Start(Workspace.OneThread, "doctor");
        while (!verb.HasExited && !File.ReadAllText($"/proc/{verb.Id}/maps").Contains("libtorch_cpu.so", StringComparison.Ordinal))
            Thread.Sleep(5);

        Process.Start("kill", ["-TERM", $"{verb.Id}"]).WaitForExit();
        verb.WaitForExit();

        Assert.Equal(128 + 15, verb.ExitCode);
    }

    [Fact]
    public void Verbose_adds_the_stack_trace() =>
        Assert.Contains("   at VoxelZoo.Host.", Run("plugins", "info", "nothing", "--verbose").Error, StringComparison.Ordinal);

    [Fact]
    public void Description_as_json_has_the_documented_keys()
    {
        var found = JsonNode.Parse(VoxelZooProgram.Run("describe", "exp1", "--json").Out)!.AsObject();

        Assert.Superset(
            new HashSet<string>
            {
                "id", "architecture", "compressor", "strategy", "target", "input_shape", "latent_shape", "model_input_channels",
                "model_output_channels", "tokens", "parameters", "training",
            },
            found.Select(field => field.Key).ToHashSet());
        Assert.Equal(["denoiser", "conditioning", "compressor"], found["parameters"]!.AsObject().Select(field => field.Key));
        Assert.Equal("bfloat16", (string?)found["training"]!["precision"]);
    }
}
