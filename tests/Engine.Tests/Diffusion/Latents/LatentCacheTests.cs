using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Diffusion.Latents;

[Collection(Alone.Name)]
public sealed class LatentCacheTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Plan(AffineOptions? options = null, LatentOptions? latent = null, IArchitecture? architecture = null) =>
        ExperimentPlan.Compose(TinyRun.Draft(cohort, architecture ?? new ConvArchitecture()) with
        {
            Compressor = TinyRun.Part<ICompressor>("compressor", new AffineCompressor(), options ?? new AffineOptions()),
            Latent = latent ?? new LatentOptions(),
        });

    /// <summary>Mean and deviation of all voxels of the training split's bravo, padding included.</summary>
    private (double Mean, double Deviation) Voxels(ExperimentPlan plan)
    {
        var volumes = TinyRun.Volumes(plan, Cohort.Open(cohort.Path), Cohort.Train);
        var all = new List<float>();
        for (var i = 0; i < volumes.Count; i++)
        {
            using var sample = volumes.Load(i);
            all.AddRange(sample.Images[ImageKinds.Bravo].data<float>());
        }

        var mean = all.Average(v => (double)v);
        return (mean, Math.Sqrt(all.Average(v => (v - mean) * (v - mean))));
    }

    [Fact]
    public void Statistics_are_total_mean_and_deviation_of_the_training_split_by_channel()
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var (mean, deviation) = Voxels(plan);

        var statistics = new NormalizationFile(new FrozenParts(run.Folder)).Read()!;

        Assert.Equal(4 * mean + 3, statistics.Target!.Mean[0], 1e-5);
        Assert.Equal(-mean, statistics.Target.Mean[1], 1e-5);
        Assert.Equal(4 * deviation, statistics.Target.Deviation[0], 1e-5);
        Assert.Equal(deviation, statistics.Target.Deviation[1], 1e-5);
        Assert.Equal(statistics.Target.Mean, statistics.Condition!.Mean); // t1_pre holds the same voxels
    }

    [Fact]
    public void Network_sees_latents_of_mean_zero_and_deviation_one()
    {
        var conditions = new List<Tensor>();
        using var run = new TinyRun();
        run.Train(
            Plan(architecture: new FormulaArchitecture((noisy, _, conditioning, bias) =>
            {
                conditions.Add(conditioning.Image!.clone().DetachFromDisposeScope());
                return zeros_like(noisy) + bias;
            })) with { Training = TinyRun.Plan(cohort).Training with { BatchSize = 4, Epochs = 1 } },
            validate: false);
        using var all = conditions[0];
        Assert.Equal(0, all.mean([0, 2, 3, 4]).abs().max().ToDouble(), 1e-4);
        Assert.Equal(1, all.std([0, 2, 3, 4], unbiased: false).min().ToDouble(), 1e-4);
    }

    [Fact]
    public void Decoding_undoes_encoding_and_normalisation()
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var difference = run.Use(plan, (trained, volumes) =>
        {
            using var sample = volumes.Load(0);
            using var scope = NewDisposeScope();
            return (trained.Model.Decode(trained.Model.Encode(sample).Clean) - sample.Images[ImageKinds.Bravo]).abs().max().ToDouble();
        });
        Assert.InRange(difference, 0, 1e-5);
    }

    [Fact]
    public void Logits_come_back_through_a_sigmoid()
    {
        using var run = new TinyRun();
        var plan = Plan(latent: new LatentOptions { Output = DecodedValues.Logits });
        run.Train(plan);
        var middle = run.Use(plan, (trained, _) =>
        {
            using var scope = NewDisposeScope();
            var statistics = new NormalizationFile(new FrozenParts(run.Folder)).Read()!.Target!;
            // the latent of 0 decodes to the logit 0
            return trained.Model.Decode(
                statistics.Normalize(cat([full([1, 1, 1, 1, 1], Tensors.Scalars.S(3.0)), zeros([1, 1, 1, 1, 1])], 1))).item<float>();
        });
        Assert.Equal(0.5f, middle, 1e-5f);
    }

    [Fact]
    public void Normalisation_can_be_switched_off()
    {
        using var run = new TinyRun();
        run.Train(Plan(latent: new LatentOptions { Normalize = false }));
        Assert.Equal(LatentNormalization.None, new NormalizationFile(new FrozenParts(run.Folder)).Read());
    }

    [Fact]
    public void Lossless_compressor_is_normalised_when_asked_and_keeps_no_latents()
    {
        using var run = new TinyRun();
        var plan = TinyRun.Plan(cohort, new ConvArchitecture());
        run.Train(plan with { Latent = new LatentOptions { Normalize = true } });
        var (mean, deviation) = Voxels(plan);
        var statistics = new NormalizationFile(new FrozenParts(run.Folder)).Read()!.Target!;
        Assert.Equal(mean, statistics.Mean[0], 1e-5);
        Assert.Equal(deviation, statistics.Deviation[0], 1e-5);
        Assert.False(Directory.Exists(run.Folder.Latents));
    }

    [Fact]
    public void Latents_are_computed_once_and_shared()
    {
        using var folder = new TemporaryFolder();
        var plan = Plan();
        plan = plan with { Data = plan.Data with { Latents = Path.Combine(folder.Path, "latents") } };
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(plan);
        var files = Directory.GetFiles(plan.Data.Latents!, "*", SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc);
        second.Train(plan);
        Assert.Equal(8, files.Count); // four to train, two to validate, the manifest and its lock
        Assert.All(files, file => Assert.Equal(file.Value, File.GetLastWriteTimeUtc(file.Key)));
        Assert.Equal(first.Latest.Manifest.Files, second.Latest.Manifest.Files);
    }

    [Theory]
    [InlineData("notes.txt", "notes.txt")]
    [InlineData("train/p1/bravo.nii.gz", "train")]
    [InlineData("weights.safetensors", "weights.safetensors")]
    public void Folder_of_somebody_elses_files_is_refused_and_left_alone(string file, string named)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "mine");
        var plan = Plan();
        using var run = new TinyRun();

        var refusal = Assert.Throws<PlanException>(() => run.Train(plan with { Data = plan.Data with { Latents = folder.Path } }));

        Assert.Equal(("data", "latents"), (refusal.Section, refusal.Key));
        Assert.StartsWith($"{folder.Path} holds {named}, which is none of a folder of latents", refusal.Message, StringComparison.Ordinal);
        Assert.Equal([path], Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    public static TheoryData<string, Func<ExperimentPlan, ExperimentPlan>> Stale => new()
    {
        { "compressor", plan => plan with { Compressor = plan.Compressor with { Options = new AffineOptions { Gain = 5 } } } },
        { "preparation", plan => plan with { Data = plan.Data with { FieldOfView = 200 } } },
        {
            "plugins",
            plan => plan with { Compressor = plan.Compressor with { Source = plan.Compressor.Source with { Version = "2.0.0" } } }
        },
        { "normalize", plan => plan with { Latent = new LatentOptions { Normalize = false } } },
    };

    [Theory]
    [MemberData(nameof(Stale), DisableDiscoveryEnumeration = true)]
    public void Latents_of_something_else_are_refused_and_left_alone(string what, Func<ExperimentPlan, ExperimentPlan> change)
    {
        using var folder = new TemporaryFolder();
        var plan = Plan();
        plan = plan with { Data = plan.Data with { Latents = Path.Combine(folder.Path, "latents") } };
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(plan);
        var before = File.ReadAllText(Path.Combine(plan.Data.Latents!, "manifest.json"));

        var refusal = Assert.Throws<PlanException>(() => second.Train(change(plan)));

        Assert.Equal(("data", "latents"), (refusal.Section, refusal.Key));
        Assert.Contains($"stale: their {what} is", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Path.Combine(plan.Data.Latents!, "manifest.json")));
    }

    [Fact]
    public void Latents_of_another_build_of_the_compressor_are_refused()
    {
        using var folder = new TemporaryFolder();
        var (plan, assembly) = (Plan(), Path.Combine(folder.Path, "Affine.dll"));
        File.WriteAllText(assembly, "one build");
        plan = plan with
        {
            Compressor = plan.Compressor with { Source = new PartSource("affine", "1.0.0", assembly) },
            Data = plan.Data with { Latents = Path.Combine(folder.Path, "latents") },
        };
        using var first = new TinyRun();
        using var second = new TinyRun();
        first.Train(plan);
        File.WriteAllText(assembly, "another build");

        var refusal = Assert.Throws<PlanException>(() => second.Train(plan));

        Assert.Equal(("data", "latents"), (refusal.Section, refusal.Key));
        Assert.Contains("stale: their plugin_builds is", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Latents_of_changed_volumes_are_refused()
    {
        using var own = new TinyCohort();
        var plan = Plan();
        plan = plan with { Data = TinyCohort.Options(own.Path) };
        using var run = new TinyRun();
        run.Train(plan, stopAfter: 1);
        var volumes = Directory.GetFiles(own.Path, "bravo.nii.gz", SearchOption.AllDirectories)
            .Where(f => f.Contains("/train/", StringComparison.Ordinal)).Order().ToArray();
        File.Copy(volumes[1], volumes[0], overwrite: true);
        Assert.Contains(
            "stale: their data", Assert.Throws<PlanException>(() => run.Train(plan, resume: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stopped_and_resumed_run_on_latents_ends_as_if_never_stopped()
    {
        using var straight = new TinyRun();
        using var stopped = new TinyRun();
        straight.Train(Plan());
        stopped.Train(Plan(), stopAfter: 3);
        stopped.Train(Plan(), resume: true);
        Assert.Equal(straight.Latest.Manifest.Files, stopped.Latest.Manifest.Files);
    }

    [Fact]
    public void Augmented_diffusion_trains_prefixes_and_keeps_the_size_of_the_loss()
    {
        var second = new List<bool>(); // whether the network saw anything in the second channel
        var options = new AffineOptions { Structured = true };
        var plan = Plan(options, architecture: new FormulaArchitecture((noisy, _, _, bias) =>
        {
            if (is_grad_enabled())
                second.Add(noisy.narrow(1, 1, 1).abs().max().item<float>() > 0);
            return zeros_like(noisy) + bias;
        }));
        plan = plan with { Training = plan.Training with { AugmentedDiffusion = true, Epochs = 8 } };
        using var run = new TinyRun();
        run.Train(plan, validate: false);

        Assert.Contains(true, second);
        Assert.Contains(false, second);
        // latent and noise of unit size make 2; the mean over both channels would be 1 where one is kept
        Assert.All(run.Steps, step => Assert.True(step.Loss > 1.5));
    }

    [Fact]
    public void Augmented_diffusion_of_an_unstructured_latent_is_refused()
    {
        var plan = Plan();
        using var run = new TinyRun();
        var refusal = Assert.Throws<PlanException>(
            () => run.Train(plan with { Training = plan.Training with { AugmentedDiffusion = true } }));
        Assert.Equal(("training", "augmented_diffusion"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Condition_has_its_own_compressor_and_statistics()
    {
        using var run = new TinyRun();
        var plan = ExperimentPlan.Compose(TinyRun.Draft(cohort, new ConvArchitecture()) with
        {
            Compressor = TinyRun.Part<ICompressor>("compressor", new AffineCompressor(), new AffineOptions()),
            ConditionCompressor = TinyRun.Part<ICompressor>("condition", new AffineCompressor(), new AffineOptions { Gain = 10 }),
        });
        run.Train(plan);
        var (mean, _) = Voxels(plan);
        Assert.Equal(10 * mean + 3, new NormalizationFile(new FrozenParts(run.Folder)).Read()!.Condition!.Mean[0], 1e-4);
    }

    [Fact]
    public void Condition_on_another_grid_is_refused_with_both()
    {
        var refusal = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(TinyRun.Draft(cohort) with
        {
            ConditionCompressor = TinyRun.Part<ICompressor>("condition", new HalfDepth()),
        }));
        Assert.Equal(("condition", "compressor"), (refusal.Section, refusal.Key));
        Assert.Contains("4×8×8", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("8×8×8", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_and_lost_latents_are_computed_again_and_said_to_be()
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var files = Directory.GetFiles(Path.Combine(run.Folder.Latents, Cohort.Train)).Order().ToArray();
        var right = files.Select(File.ReadAllBytes).ToArray();
        var bytes = right[0].ToArray();
        bytes[^2] ^= 1;
        File.WriteAllBytes(files[0], bytes);
        File.Delete(files[1]);

        var said = Prepare(run, plan);

        Assert.Equal(right, files.Select(File.ReadAllBytes));
        Assert.Contains("2 are missing or damaged", Assert.Single(said), StringComparison.Ordinal);
        Assert.Empty(Prepare(run, plan));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Lost_or_truncated_manifest_is_computed_again_with_its_latents_and_said_to_be(bool lost)
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var path = Path.Combine(run.Folder.Latents, "manifest.json");
        var right = File.ReadAllText(path);
        if (lost)
            File.Delete(path);
        else
            File.WriteAllText(path, right[..(right.Length / 2)]);

        var said = Prepare(run, plan);

        Assert.Contains(
            said,
            sentence => sentence.StartsWith(path, StringComparison.Ordinal)
                && sentence.Contains("computed anew", StringComparison.Ordinal));
        Assert.Equal(right, File.ReadAllText(path));
        Assert.Empty(Prepare(run, plan));
    }

    [Fact]
    public void File_of_the_manifests_name_that_is_none_and_has_no_latents_beside_it_is_left_alone()
    {
        using var run = new TinyRun();
        var plan = Plan();
        Directory.CreateDirectory(run.Folder.Latents);
        var path = Path.Combine(run.Folder.Latents, "manifest.json");
        File.WriteAllText(path, "not a manifest");
        Assert.Contains("cannot be read (line 1: ", Assert.Throws<PlanException>(() => run.Train(plan)).Message, StringComparison.Ordinal);
        Assert.Equal("not a manifest", File.ReadAllText(path));
    }

    [Theory]
    [InlineData("latents/manifest.json")]
    [InlineData("frozen/latents.json")]
    public void Damaged_statistics_are_computed_again_and_said_to_be(string file)
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var path = Path.Combine(run.Folder.Path, file);
        var right = File.ReadAllText(path);
        var mean = System.Text.RegularExpressions.Regex.Match(right, @"""mean"": \[\s+(\d)").Groups[1];
        File.WriteAllText(path, right[..mean.Index] + (mean.Value == "9" ? "8" : "9") + right[(mean.Index + 1)..]);

        var said = Prepare(run, plan);

        Assert.Contains(said, sentence => sentence.Contains("damaged", StringComparison.Ordinal));
        Assert.Equal(right, File.ReadAllText(path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Model_whose_statistics_are_lost_or_damaged_is_refused(bool lost)
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var path = Path.Combine(run.Folder.Frozen, "latents.json");
        if (lost)
            File.Delete(path);
        else
            File.WriteAllText(path, File.ReadAllText(path).Replace("\"sha256\": \"", "\"sha256\": \"0", StringComparison.Ordinal));

        var refusal = Assert.Throws<RunFolderException>(() => run.Use(plan, (_, _) => 0));

        Assert.Contains("latents.json", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("train --resume", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_that_are_lost_are_computed_again_and_said_to_be()
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan);
        var path = Path.Combine(run.Folder.Frozen, "latents.json");
        var right = File.ReadAllText(path);
        Assert.Empty(Prepare(run, plan));
        File.Delete(path);

        Assert.Equal([$"{path} was not there any more, though the run has trained with it, and is written again"], Prepare(run, plan));
        Assert.Equal(right, File.ReadAllText(path));
    }

    [Fact]
    public async Task Folder_that_another_process_fills_is_waited_for()
    {
        using var run = new TinyRun();
        using var released = new CancellationTokenSource();
        var folder = Path.Combine(run.Folder.Path, "latents");
        var held = LatentLock.Wait(folder, "lock", Assert.Fail, TestContext.Current.CancellationToken);

        var second = Task.Run(
            () => LatentLock.Wait(folder, "lock", _ => released.Cancel(), TestContext.Current.CancellationToken)!.Dispose(),
            TestContext.Current.CancellationToken);
        released.Token.WaitHandle.WaitOne(TimeSpan.FromMinutes(1)); // until it says that it waits
        Assert.False(second.IsCompleted);
        held!.Dispose();
        await second;

        using var again = LatentLock.Wait(folder, "lock", Assert.Fail, TestContext.Current.CancellationToken);
        using var stopped = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => LatentLock.Wait(folder, "lock", _ => stopped.Cancel(), stopped.Token));
    }

    private static List<string> Prepare(TinyRun run, ExperimentPlan plan)
    {
        var (open, said) = (Cohort.Open(plan.Data.Cohort), new List<string>());
        using var random = new RandomStreams(plan.Training.Seed);
        new LatentCache(run.Folder.Latents, plan.Space, TinyRun.Context(plan, random), new FrozenParts(run.Folder))
            .Prepare(open, TinyRun.Volumes(plan, open, Cohort.Train), TinyRun.Volumes(plan, open, Cohort.Val), warn: said.Add);
        return said;
    }
}
