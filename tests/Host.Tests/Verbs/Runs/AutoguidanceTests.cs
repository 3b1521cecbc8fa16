using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>Guidance by a weaker model and averages of a chosen length, through the program.</summary>
public sealed class AutoguidanceTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Run_is_guided_by_an_earlier_checkpoint_or_by_a_smaller_network_and_sampled_by_any_average()
    {
        Assert.Equal(
            0,
            _work.SmokeHere(
                "exp11", "--set", "training.keep_checkpoints=9", "--set", "training.ema_lengths=[0.05,0.1]", "--set",
                "training.learning_rate=0.01").ExitCode);
        string[] smaller =
        [
            "train", "exp11", "--profile", "smoke", "--run", _work.At("small"), "--set", $"data.cohort={_work.At("run/cohort")}", "--set",
            "architecture.num_res_blocks=[1,1,1,1,1]", "--set", "training.learning_rate=0.01",
        ];
        Assert.Equal(0, _work.Here(smaller).ExitCode);
        var first = Directory.GetDirectories(_work.At("run/checkpoints"), "step-*")
            .Select(folder => Path.GetFileName(folder)!).Order().First();

        var (plain, one) = (Sample("plain"), Sample("one", "--guidance", "1", "--guidance-from", _work.At("small")));
        var (early, small) = (
            Sample("early", "--guidance", "2", "--guidance-checkpoint", first),
            Sample("small", "--guidance", "2", "--guidance-from", _work.At("small")));
        var average = Sample("average", "--ema-length", "0.07");

        Assert.Equal(plain.Volume, one.Volume);
        Assert.Equal(Idle, _work.Here("sample", _work.Run, "--count", "1", "--out", _work.At("idle"), "--guidance-from",
            _work.At("small")).Error.TrimEnd('\n'));
        Assert.Equal(4, new[] { plain, early, small, average }.Select(sample => Convert.ToHexString(sample.Volume)).Distinct().Count());
        Assert.Equal(
            (2, 4, 4),
            (
                (int)plain.Record["function_evaluations"]!,
                (int)early.Record["function_evaluations"]!,
                (int)small.Record["function_evaluations"]!));
        Assert.Null(plain.Record["weaker_sha256"]);
        Assert.NotEqual((string?)early.Record["weaker_sha256"], (string?)small.Record["weaker_sha256"]);
        Assert.Matches("^ema_0.07 of [0-9]+ averages$", (string?)average.Record["weights"]);

        Refused("is the checkpoint that is sampled itself", "--guidance", "2", "--guidance-checkpoint", "best");
        Refused("has no checkpoint step-00000099", "--guidance", "2", "--guidance-checkpoint", "step-00000099");
        Refused("has no checkpoint best_generation", "--guidance", "2", "--guidance-checkpoint", "best_generation");
        Refused("has no checkpoint step-00000099", "--checkpoint", "step-00000099");
        Refused(
            "takes `best`, `latest`, `best_generation` or the name of a checkpoint", "--guidance", "2", "--guidance-checkpoint", "first");
        Refused("there is no run `no`", "--guidance", "2", "--guidance-from", "no");
        Refused("--guidance-zero", "--guidance", "2", "--guidance-from", _work.At("small"), "--guidance-zero");
        Refused("ema_length", "--ema-length", "0.5");

        void Refused(string words, params string[] options)
        {
            var outcome = _work.Here(["sample", _work.Run, .. options]);
            Assert.Equal(2, outcome.ExitCode);
            Assert.Contains(words, outcome.Error, StringComparison.Ordinal);
            Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        }
    }

    private const string Idle = "warning: guidance_from names a weaker model, and guidance: 1 guides nowhere: no weaker model is read";

    private (byte[] Volume, JsonNode Record) Sample(string name, params string[] options)
    {
        var outcome = _work.Here(["sample", _work.Run, "--count", "1", "--out", _work.At(name), .. options]);
        Assert.Equal((0, name), (outcome.ExitCode, name + string.Concat(outcome.Error.Split('\n').Where(line => !line.Contains("% off",
            StringComparison.Ordinal) && line != Idle))));
        var folder = Path.Combine(_work.At(name), "00000");
        var record = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "sample.json")))!;
        using var zip = new System.IO.Compression.GZipStream(
            File.OpenRead(Path.Combine(folder, "bravo.nii.gz")), System.IO.Compression.CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        zip.CopyTo(bytes);
        return (bytes.ToArray()[^4096..], record); // voxels: what comes before them says how the volume was made
    }
}
