using System.Text.Json;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Engine.Tests.Compression.CompressionRun;

namespace VoxelZoo.Engine.Tests.Compression;

/// <summary>What is done with a trained compressor; this one's reconstructions are brighter by 1/4, or logits far from 0.</summary>
[Collection(Alone.Name)]
public sealed class ReconstructionTests : IClassFixture<TinyCohort>, IDisposable
{
    private readonly CompressionPlan _plan, _masks;
    private readonly CompressionRun _run = new();

    public ReconstructionTests(TinyCohort cohort)
    {
        var still = Draft(cohort).Training with { LearningRate = 1e-12 };
        _plan = CompressionPlan.Compose(Draft(cohort) with { Target = [ImageKinds.Bravo, ImageKinds.T1Pre], Training = still });
        _masks = CompressionPlan.Compose(With(
            Draft(cohort, new ScalarCompressor(scale: 100, shift: -50)) with { Target = [ImageKinds.Seg], Training = still },
            Phase(1, ("dice", 1))));
    }

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Evaluation_compares_volumes_with_reconstructions()
    {
        _run.Train(_plan);

        var result = _run.Use(_plan, (trained, volumes) => new ReconstructionEvaluator(_plan, trained, volumes, "test").Run());

        Assert.Equal(["test0/bravo", "test0/t1_pre", "test1/bravo", "test1/t1_pre"], result.Names);
        Assert.Equal((4, "test", "compressor", "step-00000008"), (result.Volumes, result.Split, result.Weights, result.Checkpoint));
        Assert.Equal(0.25, result.Loss, 1e-5);
        Assert.Equal(["loss/l1", "psnr"], result.Measures.Keys);
        Assert.Equal(-20 * Math.Log10(0.25), result.Measures["psnr"], 1e-3);
        var metric = Assert.Single(result.Metrics);
        Assert.Equal(("SquaredError", 4), (metric.Metric, metric.Values.Count));
        Assert.All(metric.Values.Append(metric.Value), value => Assert.Equal(0.0625, value!.Value, 1e-4));
    }

    [Fact]
    public void What_a_metric_measures_is_not_said_a_second_time_by_validation()
    {
        _run.Train(_plan);
        var plan = _plan with { Metrics = [.. _plan.Metrics.Select(metric => metric with { Id = "psnr" })] };

        var result = _run.Use(plan, (trained, volumes) => new ReconstructionEvaluator(plan, trained, volumes, "test").Run());

        Assert.Equal(["loss/l1"], result.Measures.Keys);
        Assert.Equal("psnr", Assert.Single(result.Metrics).Metric);
    }

    [Fact]
    public void Masks_are_evaluated_as_probabilities()
    {
        _run.Train(_masks);

        var result = _run.Use(_masks, (trained, volumes) => new ReconstructionEvaluator(_masks, trained, volumes, "test").Run());

        Assert.Equal(0, Assert.Single(result.Metrics).Value!.Value, 1e-6);
        Assert.Equal(1, result.Measures["dice"]);
    }

    [Fact]
    public void Samples_are_reconstructions_with_a_picture_and_a_record()
    {
        _run.Train(_plan);

        var records = _run.Use(_plan, (trained, volumes) => new ReconstructionWriter(_plan, trained, volumes).Write(_run.Folder.Samples));

        Assert.Equal(["test0/bravo", "test0/t1_pre", "test1/bravo", "test1/t1_pre"], records.Select(r => r.Volume));
        Assert.Equal(
            ["bravo.nii.gz", "montage.png", "sample.json"], Directory.GetFiles(Sample(0)).Select(f => Path.GetFileName(f)).Order());
        var made = NiftiFile.Read(Path.Combine(Sample(0), "bravo.nii.gz"));
        using var real = Images(_plan, Cohort.Test).Load(0);
        Assert.Equal(TinyCohort.RealSlices, made.Shape.Depth);
        Assert.Equal(
            real.Images[PooledImages.Image].data<float>().Take(TinyCohort.RealSlices * 64).Average() + 0.25, made.Turned().Average(), 1e-4);
        Assert.Equal(
            records[0],
            JsonSerializer.Deserialize<ReconstructionRecord>(File.ReadAllText(Path.Combine(Sample(0), "sample.json")), AtomicFile.Json));
    }

    [Fact]
    public void Samples_are_at_most_as_many_as_wanted()
    {
        _run.Train(_plan);

        var plan = _plan with { Sampling = new ReconstructionOptions { Count = 1 } };
        Assert.Single(_run.Use(plan, (trained, volumes) => new ReconstructionWriter(plan, trained, volumes).Write(_run.Folder.Samples)));
    }

    [Fact]
    public void Masks_are_written_as_masks()
    {
        _run.Train(_masks);

        _run.Use(_masks, (trained, volumes) => new ReconstructionWriter(_masks, trained, volumes).Write(_run.Folder.Samples));

        using var real = Images(_masks, Cohort.Test).Load(0);
        Assert.Equal(
            real.Images[PooledImages.Image].data<float>().Take(TinyCohort.RealSlices * 64),
            NiftiFile.Read(Path.Combine(Sample(0), "seg.nii.gz")).Turned());
    }

    [Fact]
    public void Report_has_phases_metrics_of_each_kind_and_pictures()
    {
        _run.Train(_plan);
        var result = _run.Use(_plan, (trained, volumes) => new ReconstructionEvaluator(_plan, trained, volumes, "test").Run());
        new EvaluationFile<ReconstructionResult> { Experiment = "tiny", Results = [result with { Checkpoints = ["best", "latest"] }] }
            .Write(_run.Folder);
        _run.Use(_plan, (trained, volumes) => new ReconstructionWriter(_plan, trained, volumes).Write(_run.Folder.Samples));
        using var random = new RandomStreams(0);

        CompressionReport.Write(_run.Folder, CompressionDescription.Of(_plan, Context(_plan, random)));

        var report = File.ReadAllText(_run.Folder.Report);
        Assert.Contains("## Reconstructions by best = latest on test: 4 volumes", report, StringComparison.Ordinal);
        Assert.Contains("# tiny: a tiny compressor", report, StringComparison.Ordinal);
        Assert.Contains("| compressor | ScalarCompressor, 2 parameters |", report, StringComparison.Ordinal);
        Assert.Contains("| phase 1 | 1 epochs, l1 1 |", report, StringComparison.Ordinal);
        Assert.Contains("| status | completed, epoch 1 of 1, 8 steps |", report, StringComparison.Ordinal);
        Assert.Contains("| metric | all | bravo | t1_pre |", report, StringComparison.Ordinal);
        Assert.Contains("| SquaredError | 0.062 | 0.062 | 0.062 |", report, StringComparison.Ordinal);
        Assert.Contains("![reconstruction 00003](samples/00003/montage.png)", report, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_run.Folder.Path, "loss.svg")));
    }

    [Fact]
    public void Training_sampling_and_evaluating_leave_no_tensor_behind()
    {
        var plan = CompressionPlan.Compose(
            With(_plan, Phase(3, ("l1", 1), ("codebook", 1), ("adversarial", 1)), Phase(1, ("l2", 1)) with { Trains = TrainedPart.Head }));
        var live = new List<long>();
        var before = LiveTensors.Settled();
        // modules leave some behind when they are built, which is once a run
        using (var random = new RandomStreams(1))
            CompressionModel.Create(plan, Context(plan, random)).Dispose();
        PatchDiscriminator.Create(plan.Compression.Discriminator, torch.CPU).Dispose();
        var built = torch.Tensor.TotalCount - before;

        using var stop = new CancellationTokenSource();
        // a checkpoint that is being written has tensors of its own, so only the last epoch has one
        var experiment = new CompressionExperiment(
            plan with { Training = plan.Training with { CheckpointEvery = 100, ValidateEvery = 100 } },
            TinyRun.Observed([], stop, stopAfter: null, _ => live.Add(torch.Tensor.TotalCount)));
        before = LiveTensors.Settled();
        experiment.Train(_run.Folder.Path, stop.Token);
        Assert.InRange(live[^1] - live[4], long.MinValue, 4); // batches that are being prepared may be among them
        Assert.InRange(LiveTensors.Settled() - before, long.MinValue, built);
        before = LiveTensors.Settled();
        _run.Use(plan, (trained, volumes) => new ReconstructionWriter(plan, trained, volumes).Write(_run.Folder.Samples));
        Assert.InRange(LiveTensors.Settled() - before, long.MinValue, built);
        before = LiveTensors.Settled();
        _run.Use(plan, (trained, volumes) => new ReconstructionEvaluator(plan, trained, volumes, "test").Run());
        Assert.InRange(LiveTensors.Settled() - before, long.MinValue, built);
    }

    [Fact]
    public void Provenance_has_a_hash_of_each_kind_alone()
    {
        var all = Provenance.Collect(_plan, Cohort.Open(_plan.Data.Cohort)).Data["train"];
        var one = Provenance.Collect(_plan with { Target = [_plan.Target[0]] }, Cohort.Open(_plan.Data.Cohort)).Data["train"];
        Assert.Equal(_plan.Target.Order(), all.Kinds.Keys.Order());
        Assert.Equal(all.Kinds[_plan.Target[0]], one.Kinds[_plan.Target[0]]);
        Assert.Equal(one.Sha256, one.Kinds[_plan.Target[0]]);
        Assert.Equal(_plan.Target.Count, all.Kinds.Values.Distinct().Count());
    }

    [Fact]
    public void Provenance_names_the_perceptual_network()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "network.pt");
        File.WriteAllText(file, "abc");
        var plan = With(_plan, Phase(1, ("l1", 1), ("perceptual", 1)));
        plan = plan with { Training = plan.Training with { Perceptual = new PerceptualOptions { Network = file } } };

        var files = Provenance.Collect(plan, Cohort.Open(plan.Data.Cohort)).Files;

        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", files[file]); // FIPS 180-2, B.1
        Assert.Empty(Provenance.Collect(_plan, Cohort.Open(plan.Data.Cohort)).Files);
    }

    private string Sample(int number) => Path.Combine(_run.Folder.Samples, $"{number:D5}");
}
