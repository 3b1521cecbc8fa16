using System.Diagnostics;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>Processes that Open MPI starts do together what one does alone; left out where it is not installed.</summary>
public sealed class SeveralProcessesTests : IDisposable
{
    private const double Tolerance = 1e-5;

    private static readonly string[] Size = ["--set", "depth=30", "--set", "height=32", "--set", "width=32"];

    private readonly Workspace _work = new();

    public SeveralProcessesTests() => Assert.SkipUnless(Mpi.WhyNot is null, Mpi.WhyNot ?? "");

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Two_processes_with_a_batch_of_one_train_sample_and_evaluate_as_one_with_a_batch_of_two()
    {
        var experiment = Experiment("sda");
        string[] generating = ["--set", "training.generation={every: 2, count: 2, steps: 2}"];
        var alone = _work.Program(["train", experiment, "--run", _work.At("one"), .. generating]);
        var together = Mpi.Run(2, ["train", experiment, "--run", _work.At("two"), .. generating]);

        Assert.Equal((0, "", 0, ""), (alone.ExitCode, alone.Error, together.ExitCode, together.Error));
        Assert.Contains("two: completed after 6 steps", together.Out, StringComparison.Ordinal);
        AssertSameTrajectory("one", "two");
        Assert.Equal(BestGeneration("one"), BestGeneration("two"), 1e-3);
        AssertSameFilesFromOneModel(_work.At("two"));
    }

    [Fact]
    public void What_mixes_the_samples_of_a_batch_mixes_those_of_other_processes_too()
    {
        var experiment = Experiment("mixup", epochs: 1);
        var alone = _work.Program("train", experiment, "--run", _work.At("one"));
        var together = Mpi.Run(2, "train", experiment, "--run", _work.At("two"));

        Assert.Equal((0, 0), (alone.ExitCode, together.ExitCode));
        AssertSameTrajectory("one", "two");
    }

    [Fact]
    public void Signal_to_one_process_stops_all_after_the_same_step_and_resume_ends_as_if_never_stopped()
    {
        var experiment = Experiment("sda", epochs: 12);
        Assert.Equal(0, Mpi.Run(2, "train", experiment, "--run", _work.At("whole")).ExitCode);
        using var training = Mpi.Start(2, "train", experiment, "--run", _work.At("stopped"));
        AwaitEpoch(training, 2);

        Kill("USR1", Processes(training)[1]);
        var stopped = Mpi.End(training);
        var resumed = Mpi.Run(2, "train", experiment, "--run", _work.At("stopped"), "--resume");

        Assert.Equal(3, stopped.ExitCode);
        Assert.Contains("stopped: stopped after ", stopped.Out, StringComparison.Ordinal);
        Assert.Equal((0, ""), (resumed.ExitCode, resumed.Error));
        Assert.Contains("continuing after step ", resumed.Out, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Weights("whole")), File.ReadAllBytes(Weights("stopped")));
        Assert.Equal(Losses("whole"), Losses("stopped"));
    }

    [Fact]
    public void Process_that_is_killed_ends_the_job_and_leaves_a_good_checkpoint()
    {
        var experiment = Experiment("sda", epochs: 100000);
        using var training = Mpi.Start(2, "train", experiment, "--run", _work.Run);
        AwaitEpoch(training, 4);

        Kill("KILL", Processes(training)[1]);
        var (code, _, error) = Mpi.End(training);

        Assert.NotEqual(0, code);
        Assert.Contains("exited on signal 9 (Killed)", error, StringComparison.Ordinal);
        var resumed = _work.Program("train", experiment, "--run", _work.Run, "--resume", "--set", "training.epochs=5");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal("", resumed.Error);
        Assert.Contains("continuing after step ", resumed.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_that_fails_says_why_and_ends_the_others()
    {
        Assert.Equal(
            0,
            _work.Program(
                ["data", "synthesize", "--out", _work.At("cohort"), "--train", "4", "--val", "1", "--test", "1", .. Size]).ExitCode);
        var patients = Directory.GetDirectories(_work.At("cohort/train")).Order().ToArray();
        File.WriteAllText(Path.Combine(patients[^1], "bravo.nii.gz"), "not a volume");

        var (code, _, error) = Mpi.Run(
            2, "train", Experiment("sda"), "--run", _work.Run, "--set", "data.synthesize=null", "--set",
            $"data.cohort={_work.At("cohort")}");

        Assert.Equal(2, code);
        Assert.Contains($"{Path.GetFileName(patients[^1])}/bravo.nii.gz", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_that_changed_are_refused_by_all_on_resume()
    {
        Assert.Equal(
            0,
            _work.Program(
                ["data", "synthesize", "--out", _work.At("cohort"), "--train", "4", "--val", "1", "--test", "1", .. Size]).ExitCode);
        string[] train = ["train", Experiment("sda"), "--run", _work.Run, "--set", $"data.cohort={_work.At("cohort")}"];
        Assert.Equal(0, Mpi.Run(2, [.. train, "--set", "training.epochs=1"]).ExitCode);
        File.Copy(
            Directory.GetFiles(_work.At("cohort/val"), "bravo.nii.gz", SearchOption.AllDirectories)[0],
            Directory.GetFiles(_work.At("cohort/train"), "bravo.nii.gz", SearchOption.AllDirectories)[0],
            overwrite: true);
        var recorded = File.ReadAllText(Path.Combine(_work.Run, "provenance.json"));

        var (code, output, error) = Mpi.Run(2, [.. train, "--set", "training.epochs=2", "--resume"]);
        var allowed = Mpi.Run(2, [.. train, "--set", "training.epochs=2", "--resume", "--allow-changed-data"]);

        Assert.Equal((2, ""), (code, output));
        Assert.Single(
            error.Split('\n'), line => line.Contains("is not what the run was trained on: in train: changed ", StringComparison.Ordinal));
        Assert.DoesNotContain("process 1 of 2", error, StringComparison.Ordinal);
        Assert.Equal(0, allowed.ExitCode);
        Assert.Contains("warning: the run goes on with other data, in train: changed ", allowed.Error, StringComparison.Ordinal);
        Assert.NotEqual(recorded, File.ReadAllText(Path.Combine(_work.Run, "provenance.json")));
    }

    [Theory]
    [InlineData(
        "exp11", "batch_size 1 cannot be split evenly over 2 processes; use a multiple of 2, or a number of processes that divides it")]
    [InlineData("vqvae_4x", "compressors are trained by one process, and here are 2")]
    public void What_processes_cannot_train_together_is_refused_before_anything_is_made(string experiment, string sentence)
    {
        var (code, output, error) = Mpi.Run(2, "train", experiment, "--profile", "smoke", "--run", _work.Run);

        Assert.Equal((2, ""), (code, output));
        Assert.Contains(sentence, error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n'), line => line.Contains(sentence, StringComparison.Ordinal));
        Assert.False(Path.Exists(_work.Run));
    }

    [Fact]
    public void Processes_that_do_not_find_each_other_are_refused()
    {
        // as under an srun that knows nothing of Open MPI
        var outcome = VoxelZooProgram.RunWith(
            new(Workspace.OneThread) { ["SLURM_STEP_NUM_TASKS"] = "2", ["SLURM_PROCID"] = "0", ["SLURM_LOCALID"] = "0" }, "train",
            Experiment("sda"), "--run", _work.Run);

        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Out));
        Assert.StartsWith(
            "srun started 2 processes that do not find each other (Open MPI counts 1); use ", outcome.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.Run));
    }

    [Fact]
    public void Without_open_mpi_several_processes_are_refused_and_one_does_not_miss_it()
    {
        _work.Write("broken/libmpi.so.40", "not a library");
        var without = new Dictionary<string, string>(Workspace.OneThread) { ["LD_LIBRARY_PATH"] = _work.At("broken") };

        var several = VoxelZooProgram.RunWith(
            new(without) { ["OMPI_COMM_WORLD_SIZE"] = "2", ["OMPI_COMM_WORLD_RANK"] = "0" },
            "train",
            Experiment("sda"),
            "--run",
            _work.Run);
        var one = VoxelZooProgram.RunWith(without, "describe", Experiment("sda"));

        Assert.Equal(2, several.ExitCode);
        Assert.StartsWith("libmpi.so.40 cannot be loaded", several.Error, StringComparison.Ordinal);
        Assert.Single(several.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal((0, ""), (one.ExitCode, one.Error));
    }

    /// <summary>Everything random there is in training, and an average.</summary>
    private double BestGeneration(string run) =>
        (double)JsonNode.Parse(File.ReadAllText(Path.Combine(_work.At(run), "status.json")))!["best_generation"]!["value"]!;

    private string Experiment(string augmentation, int epochs = 3) => _work.Write("several.yaml", $$"""
        extends: {{Repository.Root}}/experiments/exp11.yaml
        id: several
        data:
          depth: 32
          original_depth: 30
          height: 32
          width: 32
          synthesize: {train: 4, val: 2, test: 3, depth: 30, height: 32, width: 32}
        condition: {dropout: 0.3}
        augmentations: [{use: {{augmentation}}, probability: 0.7}]
        # groups of several channels: else the gradient of a bias is rounding alone, and AdamW makes steps of it
        architecture: {channels: [4, 8, 8, 8, 8], num_head_channels: 8, norm_num_groups: 2}
        training:
          epochs: {{epochs}}
          batch_size: 2
          validation_timesteps: 2
          precision: float32
          ema: {decay: 0.9, update_after: 1, update_every: 2}
        sampling: {steps: 2, count: 3}
        evaluation: {metrics: [psnr, ms_ssim], generate: null, pooled: false, floor: false}
        expect: null

        """);

    private void AssertSameTrajectory(string one, string two)
    {
        var (expected, actual) = (Losses(one), Losses(two));
        Assert.Equal(expected.Count, actual.Count);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, Tolerance));
        foreach (var component in new[] { "denoiser", "ema" })
        {
            using var a = SafetensorsFile.Read(Weights(one, component));
            using var b = SafetensorsFile.Read(Weights(two, component));
            Assert.All(
                a,
                tensor => Assert.InRange(
                    tensor.Value.data<float>().Zip(b[tensor.Key].data<float>(), (x, y) => Math.Abs(x - y)).Max(), 0, Tolerance));
        }
    }

    private void AssertSameFilesFromOneModel(string run)
    {
        Assert.Equal(0, _work.Program("sample", run, "--out", _work.At("alone")).ExitCode);
        Assert.Equal(0, Mpi.Run(2, "sample", run, "--out", _work.At("together")).ExitCode);
        var files = Files("alone");
        Assert.Equal(12, files.Length);
        Assert.Equal(files, Files("together"));
        Assert.All(
            files,
            file => Assert.Equal(
                File.ReadAllBytes(Path.Combine(_work.At("alone"), file)), File.ReadAllBytes(Path.Combine(_work.At("together"), file))));

        var evaluation = Path.Combine(run, "evaluation.json");
        Assert.Equal(0, _work.Program("evaluate", run).ExitCode);
        var alone = File.ReadAllText(evaluation);
        var together = Mpi.Run(2, "evaluate", run, "--json");
        Assert.Equal((0, ""), (together.ExitCode, together.Error));
        Assert.Equal(alone, File.ReadAllText(evaluation));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(alone), JsonNode.Parse(together.Out)));
    }

    /// <summary>What a folder of samples holds beside the lock by which several processes share it.</summary>
    private string[] Files(string folder) =>
        [
            .. Directory.GetFiles(_work.At(folder), "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(_work.At(folder), file)).Where(file => file != ".lock").Order(),
        ];

    private string Weights(string run, string component = "denoiser")
    {
        var checkpoints = Path.Combine(_work.At(run), "checkpoints");
        return Path.Combine(checkpoints, File.ReadAllText(Path.Combine(checkpoints, "latest")).Trim(), $"{component}.safetensors");
    }

    private List<double> Losses(string run) =>
        [.. File.ReadLines(Path.Combine(_work.At(run), "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)
            .SelectMany(entry => new[] { (double)entry["loss"]!, (double?)entry["validation_loss"] ?? 0 })];

    private static void AwaitEpoch(Process training, int epoch)
    {
        while (training.StandardOutput.ReadLine() is { } line && !line.StartsWith($"epoch {epoch}/", StringComparison.Ordinal))
        {
        }
    }

    /// <summary>The processes that mpirun started, in the order of their ranks.</summary>
    private static int[] Processes(Process launcher) =>
        [
            .. File.ReadAllText($"/proc/{launcher.Id}/task/{launcher.Id}/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)
            .Where(id => File.ReadAllText($"/proc/{id}/comm").Trim() == "voxelzoo").Order()];

    private static void Kill(string signal, int process)
    {
        using var kill = Process.Start("kill", ["-s", signal, $"{process}"]);
        kill.WaitForExit();
    }
}
