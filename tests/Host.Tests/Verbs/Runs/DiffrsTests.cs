using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Cluster;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>Diffusion rejection sampling by the program: a run, its discriminator, samples in both modes.</summary>
public sealed class DiffrsTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Run_gets_a_discriminator_and_is_sampled_by_it()
    {
        _work.Trained("exp1");

        var without = _work.Here("sample", _work.Run, "--solver", "diffrs", "--count", "1");
        Assert.Equal(
            (2, $"{_work.Run} has no discriminator, by whose judgement diffrs rejects; train it: `voxelzoo train-diffrs {_work.Run}`\n"),
            (without.ExitCode, without.Error));

        var trained = _work.Here("train-diffrs", _work.Run, "--epochs", "2", "--steps", "2", "--json");
        Assert.True(trained.ExitCode == 0, trained.Error);
        Assert.Equal(2, JsonNode.Parse(trained.Out)!["epochs"]!.AsArray().Count);
        Assert.Contains("epoch 2/2: loss ", trained.Error, StringComparison.Ordinal);

        // full correction goes back, at the price of calls; lightweight makes its own alone
        var full = Sample();
        Assert.True((int)full["function_evaluations"]! >= 3);
        Assert.Equal("1", $"{full["sampler_options"]!["backsteps"]}");
        var light = Sample("--set", "sampling.backsteps=0");
        Assert.Equal(3, (int)light["function_evaluations"]!);
        Assert.True((int)light["judgements"]! >= 4);
        Assert.NotNull((string?)light["warm_up_sha256"]);

        // so do volumes that an evaluation generates
        foreach (var file in Directory.GetFiles(Path.Combine(_work.Run, "diffrs"), "warm-up-*"))
            File.WriteAllText(file, "{}");
        var evaluated = _work.Here(
            "evaluate", _work.Run, "--checkpoint", "best", "--split", "test", "--set",
            "evaluation.metrics=[{use: kid, extractor: scattering, subset_size: all}]",
            "--set", "evaluation.generate={use: diffrs, steps: 3, backsteps: 0, count: 2}", "--json");
        Assert.True(evaluated.ExitCode == 0, evaluated.Error);
        Assert.Contains("is learned anew", evaluated.Error, StringComparison.Ordinal); // what it had learned was damaged above
        var generated = JsonNode.Parse(evaluated.Out)!["generated"]![0]!;
        Assert.Equal(("diffrs", 3.0), ((string?)generated["sampler"], (double)generated["function_evaluations"]!));

        // the volume says so by itself
        var info = JsonNode.Parse(_work.Here("data", "info", Path.Combine(_work.Run, "samples", "00000", "bravo.nii.gz"), "--json").Out)!;
        Assert.True(JsonNode.DeepEquals(light, info["comments"]![0]));
        var text = _work.Here("data", "info", Path.Combine(_work.Run, "samples", "00000", "bravo.nii.gz")).Out;
        Assert.Contains((string)light["discriminator_sha256"]!, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_are_the_same_whether_they_are_drawn_at_once_one_after_the_other_or_by_several_processes()
    {
        _work.Trained("exp1");
        Assert.Equal(0, _work.Here("train-diffrs", _work.Run, "--epochs", "1", "--steps", "2").ExitCode);
        string[] sample = ["sample", _work.Run, "--solver", "diffrs", "--steps", "3"];

        Done([.. sample, "--count", "3", "--out", _work.At("whole")]);
        Done([.. sample, "--count", "1", "--out", _work.At("parts")]);
        foreach (var file in Directory.GetFiles(Path.Combine(_work.Run, "diffrs"), "warm-up-*"))
            File.WriteAllText(file, "{}"); // damaged: the same is learned again
        var again = _work.Here([.. sample, "--count", "2", "--out", _work.At("parts")]);
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Matches(
            "^warning: .*warm-up-[0-9a-f]{12}.json is damaged \\(.*; what diffrs learns before it samples is learned anew\n$", again.Error);

        AssertSame("parts");
        if (Mpi.WhyNot is null)
        {
            Assert.Equal(0, Mpi.Run(2, [.. sample, "--count", "3", "--out", _work.At("processes")]).ExitCode);
            AssertSame("processes");
        }

        // other volumes are rejected by the same thresholds; another seed of theirs is another set
        var kept = WarmUp("whole");
        Done([.. sample, "--count", "1", "--seed", "7", "--out", _work.At("seed")]);
        Assert.Equal(kept, WarmUp("seed"));
        Done([.. sample, "--count", "1", "--set", "sampling.warmup_seed=1", "--out", _work.At("other")]);
        Assert.NotEqual(kept, WarmUp("other"));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(_work.Run, "diffrs"), "warm-up-*").Length);

        void AssertSame(string folder)
        {
            foreach (var number in new[] { "00000", "00001", "00002" })
                Assert.Equal(
                    File.ReadAllBytes(Path.Combine(_work.At("whole"), number, "bravo.nii.gz")),
                    File.ReadAllBytes(Path.Combine(_work.At(folder), number, "bravo.nii.gz")));
        }

        string WarmUp(string folder) =>
            (string)JsonNode.Parse(File.ReadAllText(Path.Combine(_work.At(folder), "00000", "sample.json")))!["warm_up_sha256"]!;
    }

    private void Done(string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    [Fact]
    public void Wrong_use_is_refused()
    {
        _work.Trained();
        Refused("--epochs is 0; give at least 1", "train-diffrs", _work.Run, "--epochs", "0");
        Refused("--steps: `steps` is 0, must be at least 1", "train-diffrs", _work.Run, "--steps", "0");
        Refused("--set strategy.use: only keys of `sampling` can differ", "sample", _work.Run, "--set", "strategy.use=ddpm");
        Refused(
            "--set sampling.max_iter: max_iter 3 ends every sample before its 25 steps are done", "sample", _work.Run, "--solver", "diffrs",
            "--set", "sampling.max_iter=3");
        Refused("--guidance-interval: guidance_interval [0.2] is no interval", "sample", _work.Run, "--guidance-interval", "0.2");
        Refused(
            "--guidance-schedule: guidance_schedule cosine is the way to guidance_end", "sample", _work.Run,
            "--guidance-schedule", "cosine");
        Refused("--guidance-zero: guidance_zero changes guided predictions", "sample", _work.Run, "--guidance", "1", "--guidance-zero");
        Refused(
            "--set sampling.tau_end: tau_end 0.1 is the last time before 0", "sample", _work.Run, "--steps", "1",
            "--set", "sampling.tau_end=0.1");
        Refused(
            "--time-shift: time_shift 2 shifts the strategy's time grid, but `dopri5`", "sample", _work.Run, "--solver",
            "dopri5", "--time-shift", "2");
    }

    private JsonNode Sample(params string[] more)
    {
        var outcome = _work.Here(["sample", _work.Run, "--solver", "diffrs", "--steps", "3", "--count", "1", .. more]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "samples", "00000", "sample.json")))!;
    }

    private void Refused(string sentence, params string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith(sentence, outcome.Error, StringComparison.Ordinal);
    }
}
