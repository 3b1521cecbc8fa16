using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Data;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion.Sampling;

/// <summary>A network that returns bias + condition / 2, sampled by one call: what comes out has a closed form.</summary>
[Collection(Alone.Name)]
public sealed class SampleWriterTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private static FormulaArchitecture Linear =>
        new((noisy, _, conditioning, bias) => torch.zeros_like(noisy) + bias + conditioning.Image! * S(0.5), bias: 0.1);

    private ExperimentPlan Plan(IArchitecture? architecture = null, ISampler? sampler = null)
    {
        var plan = TinyRun.Plan(cohort, architecture ?? Linear);
        return plan with
        {
            Condition = plan.Condition with { Dropout = 0.1 },
            Sampler = TinyRun.Part("sampling", sampler ?? new OneCallSampler()),
            Sampling = plan.Sampling with { Count = 2 },
            Training = plan.Training with { Epochs = 1, LearningRate = 1e-12 },
        };
    }

    private IReadOnlyList<SampleRecord> Sample(ExperimentPlan plan, string? folder = null)
    {
        if (!Directory.Exists(_run.Folder.Checkpoints))
            _run.Train(plan);
        return _run.Use(plan, (trained, volumes) => new SampleWriter(plan, trained, volumes).Write(folder ?? _run.Folder.Samples));
    }

    private NiftiVolume Volume(string sample, string kind) => NiftiFile.Read(Path.Combine(_run.Folder.Samples, sample, $"{kind}.nii.gz"));

    private static Dictionary<string, string> Files(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(file => Path.GetRelativePath(folder, file), file => Convert.ToHexString(File.ReadAllBytes(file)));

    [Fact]
    public void Write_leaves_a_folder_a_sample()
    {
        Sample(Plan());
        Assert.Equal(
            ["00000/bravo.nii.gz", "00000/montage.png", "00000/sample.json", "00000/t1_pre.nii.gz",
             "00001/bravo.nii.gz", "00001/montage.png", "00001/sample.json", "00001/t1_pre.nii.gz"],
            Files(_run.Folder.Samples).Keys.Where(name => name != ".lock").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Volume_that_holds_what_is_no_number_is_refused_and_not_written()
    {
        var plan = Plan(new FormulaArchitecture((noisy, _, _, bias) => noisy * bias * S(is_grad_enabled() ? 1.0 : double.NaN)));

        var error = Assert.Throws<NonFiniteVolumeException>(() => Sample(plan));

        Assert.StartsWith(
            "of the generated volume 00000, 512 of 512 values are not finite numbers (512 NaN, 0 infinite); ",
            error.Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_run.Folder.Samples, "0*"));
    }

    [Fact]
    public void Write_the_same_again_gives_the_same_bytes()
    {
        var plan = Plan(new ConvArchitecture(), new EulerSampler());
        Sample(plan);
        var first = Files(_run.Folder.Samples);
        Sample(plan);
        Assert.Equal(first, Files(_run.Folder.Samples));
    }

    [Fact]
    public void Write_another_seed_gives_other_volumes()
    {
        var plan = Plan(new ConvArchitecture(), new EulerSampler());
        Sample(plan);
        var first = Files(_run.Folder.Samples);
        Sample(plan with { Sampling = plan.Sampling with { Seed = 43 } });
        Assert.NotEqual(first["00000/bravo.nii.gz"], Files(_run.Folder.Samples)["00000/bravo.nii.gz"]);
    }

    [Fact]
    public void Write_a_sample_does_not_depend_on_how_many_there_are()
    {
        var plan = Plan(new ConvArchitecture(), new EulerSampler());
        Sample(plan with { Sampling = plan.Sampling with { Count = 1 } });
        var first = Files(_run.Folder.Samples)["00000/bravo.nii.gz"];
        Sample(plan);
        Assert.Equal(first, Files(_run.Folder.Samples)["00000/bravo.nii.gz"]);
        Assert.NotEqual(first, Files(_run.Folder.Samples)["00001/bravo.nii.gz"]);
    }

    [Theory]
    [InlineData(1.0, 1)]
    [InlineData(1.5, 2)]
    public void Guidance_is_the_unconditional_answer_plus_w_times_the_difference(double w, int calls)
    {
        var plan = Plan();
        var record = Sample(plan with { Sampling = plan.Sampling with { Guidance = w } })[0];
        Assert.Equal((calls, w), (record.FunctionEvaluations, record.Guidance));
        // u = 0.1 and c = 0.1 + condition / 2, so u + w·(c − u) = 0.1 + w · condition / 2
        var condition = Volume("00000", ImageKinds.T1Pre).Turned();
        Assert.All(
            Volume("00000", ImageKinds.Bravo).Turned().Zip(condition), pair => Assert.Equal(0.1 + w * pair.Second / 2, pair.First, 1e-6));
    }

    [Theory]
    [InlineData(3, 1.0, 3)]
    [InlineData(5, 2.0, 10)]
    public void Function_evaluations_are_counted(int steps, double guidance, int expected)
    {
        var plan = Plan(sampler: new EulerSampler());
        plan = plan with
        {
            Sampler = plan.Sampler with { Options = new EulerOptions { Steps = steps } },
            Sampling = plan.Sampling with { Guidance = guidance },
        };
        Assert.All(Sample(plan), record => Assert.Equal(expected, record.FunctionEvaluations));
    }

    // u = 0.1 is without spread; that of the guided prediction is w times that of c, so the whole prediction shrinks by 1/w
    [Theory]
    [InlineData(1.5, 1.0)]
    [InlineData(2.0, 0.7)]
    public void Rescale_brings_the_spread_back_by_its_share(double w, double phi)
    {
        var plan = Plan();
        Sample(plan with { Sampling = plan.Sampling with { Guidance = w, GuidanceRescale = phi } });
        var condition = Volume("00000", ImageKinds.T1Pre).Turned();
        var factor = phi / w + 1 - phi;
        Assert.All(
            Volume("00000", ImageKinds.Bravo).Turned().Zip(condition),
            pair => Assert.Equal(Math.Min(factor * (0.1 + w * pair.Second / 2), 1), pair.First, 1e-6));
    }

    [Fact]
    public void Rescale_treats_each_sample_by_itself()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var conditional = randn([2, 1, 4, 4, 4]) * tensor([1f, 5f]).view(2, 1, 1, 1, 1);
        var guided = new Guidance(new SamplingOptions { Guidance = 3, GuidanceRescale = 1 }).Combine(
            null!, null!, 500, conditional, randn(conditional.shape));
        Assert.Equal(
            conditional.std([1, 2, 3, 4]).data<float>().ToArray(),
            guided.std([1, 2, 3, 4]).data<float>().ToArray(),
            (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void Rescale_leaves_a_prediction_without_spread()
    {
        using var scope = NewDisposeScope();
        var guided = new Guidance(new SamplingOptions { Guidance = 3, GuidanceRescale = 0.7 }).Combine(
            null!, null!, 500, ones(1, 1, 2, 2), zeros(1, 1, 2, 2));
        Assert.All(guided.data<float>().ToArray(), value => Assert.Equal(3, value));
    }

    // ten steps at τ = 1, 0.9 … 0.1; both ends of an interval belong to it
    [Theory]
    [InlineData(0.3, 0.6, 14)]
    [InlineData(0.25, 0.35, 11)]
    [InlineData(0.0, 1.0, 20)]
    [InlineData(0.0, 0.05, 10)]
    public void Interval_calls_the_network_twice_within_and_once_without(double low, double high, int calls)
    {
        var plan = Plan(sampler: new EulerSampler());
        plan = plan with
        {
            Sampler = plan.Sampler with { Options = new EulerOptions { Steps = 10 } },
            Sampling = plan.Sampling with { Guidance = 2, GuidanceInterval = [low, high] },
        };
        Assert.All(Sample(plan), record => Assert.Equal(calls, record.FunctionEvaluations));
    }

    // the straight process goes along dx/dτ = −(u + w·(c − u)) with u = 0.1, c = 0.1 + condition / 2: only the guided time counts for w
    [Fact]
    public void Interval_guides_for_its_share_of_the_way()
    {
        var plan = Plan(sampler: new EulerSampler());
        plan = plan with { Sampler = plan.Sampler with { Options = new EulerOptions { Steps = 10 } } };
        var (none, all, part) = (Latent(1, null), Latent(2, null), Latent(2, [0.15, 0.45]));
        // steps from 0.4, 0.3 and 0.2: three tenths
        Assert.All(none.Zip(all, part), three => Assert.Equal(0.7 * three.First + 0.3 * three.Second, three.Third, 1e-5));

        float[] Latent(double w, double[]? interval)
        {
            if (!Directory.Exists(_run.Folder.Checkpoints))
                _run.Train(plan);
            var guided = plan with { Sampling = plan.Sampling with { Guidance = w, GuidanceInterval = interval } };
            return _run.Use(guided, (trained, volumes) =>
            {
                using var scope = NewDisposeScope();
                using var condition = volumes.Load(0);
                return new VolumeGenerator(guided, trained.Model).GenerateLatent(0, condition).Latent.data<float>().ToArray();
            });
        }
    }

    [Theory]
    [InlineData(3.0)]
    [InlineData(0.25)]
    public void Time_shift_moves_the_times_at_which_the_network_is_asked(double shift)
    {
        List<double> asked = [];
        var spy = new FormulaArchitecture((noisy, timesteps, _, bias) =>
        {
            asked.Add(timesteps[0].ToDouble());
            return torch.zeros_like(noisy) + bias;
        });
        var plan = Plan(spy, new EulerSampler());
        plan = plan with
        {
            Sampler = plan.Sampler with { Options = new EulerOptions { Steps = 4 } },
            Sampling = plan.Sampling with { Count = 1, TimeShift = shift },
        };
        _run.Train(plan);
        asked.Clear();
        Assert.Equal(shift, Assert.Single(Sample(plan)).TimeShift);
        // resolution-dependent shifting of the signal-to-noise ratio: odds τ/(1 − τ) grow by the factor r
        Assert.Equal(1000, asked[0]);
        Assert.All(
            asked.Skip(1).Zip([3.0, 1.0, 1 / 3.0]), pair => Assert.Equal(shift * pair.Second, pair.First / (1000 - pair.First), 1e-4));
    }

    [Fact]
    public void Time_shift_of_a_sampler_that_chooses_its_own_times_is_refused()
    {
        var plan = Plan();
        using var random = new RandomStreams(1);
        PlanDescription.Of(plan, TinyRun.Context(plan, random));
        var shifted = plan with { Sampling = plan.Sampling with { TimeShift = 2 } };
        Assert.Equal("time_shift", Assert.Throws<PlanException>(() => PlanDescription.Of(shifted, TinyRun.Context(plan, random))).Key);
    }

    [Fact]
    public void Oracle_generates_the_volume_that_it_knows()
    {
        var plan = Plan(FormulaArchitecture.Oracle(0), new EulerSampler());
        Sample(plan);
        var condition = Volume("00001", ImageKinds.T1Pre).Turned();
        Assert.All(Volume("00001", ImageKinds.Bravo).Turned().Zip(condition), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
    }

    [Fact]
    public void Volumes_have_the_slices_of_the_data_and_the_spacing_of_the_files()
    {
        var plan = Plan();
        Sample(plan);
        var header = NiftiFile.ReadHeader(Path.Combine(_run.Folder.Samples, "00000", "bravo.nii.gz"));
        Assert.Equal([8, 8, TinyCohort.RealSlices], header.Shape);
        Assert.Equal([1, 1, 1], header.Spacing);
    }

    [Fact]
    public void Masks_are_written_as_above_one_half()
    {
        // 0.4 + condition / 4 lies above one half where the condition lies above 0.4
        var steep = new FormulaArchitecture(
            (noisy, _, conditioning, bias) => torch.zeros_like(noisy) + bias + conditioning.Image! * S(0.25), bias: 0.4);
        var draft = TinyRun.Draft(cohort, steep);
        var plan = ExperimentPlan.Compose(draft with
        {
            Target = [ImageKinds.Seg],
            Sampler = TinyRun.Part<ISampler>("sampling", new OneCallSampler()),
            Training = draft.Training with { Epochs = 1, LearningRate = 1e-12 },
        });
        Sample(plan);
        var condition = Volume("00000", ImageKinds.T1Pre).Turned();
        Assert.Equal(condition.Select(v => v > 0.4f ? 1f : 0f), Volume("00000", ImageKinds.Seg).Turned());
    }

    [Fact]
    public void Masks_of_the_condition_are_written_as_bytes()
    {
        var draft = TinyRun.Draft(cohort, Linear);
        var plan = ExperimentPlan.Compose(draft with
        {
            Condition = new ConditionOptions { Images = [ImageKinds.Seg] },
            Sampler = TinyRun.Part<ISampler>("sampling", new OneCallSampler()),
            Training = draft.Training with { Epochs = 1 },
        });
        Sample(plan);
        Assert.Equal("uint8", NiftiFile.ReadHeader(Path.Combine(_run.Folder.Samples, "00000", "seg.nii.gz")).DataType);
        Assert.Equal("float32", NiftiFile.ReadHeader(Path.Combine(_run.Folder.Samples, "00000", "bravo.nii.gz")).DataType);
    }

    [Fact]
    public void Generated_volume_says_in_its_file_how_it_was_made()
    {
        var record = Sample(Plan())[0];
        var text = Assert.Single(NiftiFile.ReadHeader(Path.Combine(_run.Folder.Samples, "00000", "bravo.nii.gz")).Comments);
        using var comment = System.Text.Json.JsonDocument.Parse(text);
        Assert.Equal(record.WeightsSha256, comment.RootElement.GetProperty("weights_sha256").GetString());
        Assert.Equal("tiny", comment.RootElement.GetProperty("experiment").GetString());
        Assert.Equal("test0", comment.RootElement.GetProperty("condition").GetString());
        // the header and the file beside it say the same
        Assert.Equal(File.ReadAllText(Path.Combine(_run.Folder.Samples, "00000", "sample.json")), text + "\n");
    }

    [Fact]
    public void Record_names_everything_that_the_bytes_follow_from()
    {
        var plan = Plan(sampler: new EulerSampler());
        plan = plan with
        {
            Sampler = plan.Sampler with { Options = new EulerOptions { Steps = 7 } },
            Sampling = plan.Sampling with { Seed = 5 },
        };
        Sample(plan);
        var record = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(_run.Folder.Samples, "00001", "sample.json")))!;
        Assert.Equal(
            [Hash(_run.Folder.Experiment), Hash(Path.Combine(_run.Latest.Folder, "manifest.json"))],
            new[] { "experiment_sha256", "checkpoint_sha256" }.Select(key => (string?)record[key]));
        Assert.Equal("1.0.0", (string?)record["plugins"]!["tiny"]);
        Assert.Equal((7, 7, 5), ((int)record["sampler_options"]!["steps"]!, (int)record["function_evaluations"]!, (int)record["seed"]!));
        Assert.DoesNotContain(_run.Folder.Path, record.ToJsonString(), StringComparison.Ordinal);

        static string Hash(string file) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)));
    }

    // half the size in plane: a voxel is twice as large, and its centre lies between those of the four that it was
    [Theory]
    [InlineData(8, -0.5, 90, 126)]
    [InlineData(4, -1, 89.75, 125.75)]
    public void Volumes_lie_where_their_condition_lies(int size, double step, double x, double y)
    {
        using var placed = Placed();
        var data = TinyCohort.Options(placed.Path) with { Height = size, Width = size };
        var record = Sample(ExperimentPlan.Compose(Plan() with { Data = data }))[1];
        foreach (var kind in new[] { ImageKinds.Bravo, ImageKinds.T1Pre })
        {
            var header = Volume("00001", kind).Header;
            Assert.Equal([step, 0, 0, x + 1, 0, step, 0, y, 0, 0, 2, -72, 0, 0, 0, 1], header.Affine.SelectMany(row => row));
            Assert.Equal([-step, -step, 2], header.Spacing);
        }

        Assert.Equal("p1/t1_pre", record.AffineOf);
    }

    [Fact]
    public void Volumes_without_a_condition_lie_where_the_first_volume_lies()
    {
        using var placed = Placed();
        var draft = TinyRun.Draft(cohort, new FormulaArchitecture((noisy, _, _, bias) => torch.zeros_like(noisy) + bias, bias: 0.1));
        var plan = ExperimentPlan.Compose(draft with
        {
            Data = TinyCohort.Options(placed.Path),
            Condition = new ConditionOptions(),
            Sampler = TinyRun.Part<ISampler>("sampling", new OneCallSampler()),
            Sampling = draft.Sampling with { Count = 2 },
            Training = draft.Training with { Epochs = 1 },
        });
        Assert.All(Sample(plan), record => Assert.Equal("p0/bravo", record.AffineOf));
        Assert.Equal(90, Volume("00001", ImageKinds.Bravo).Header.Affine[0][3]);
    }

    /// <summary>Patients that lie 1 mm apart, rows to the left, columns to the back.</summary>
    private static CohortFolder Placed()
    {
        var folder = new CohortFolder();
        var shape = new VolumeShape(1, TinyCohort.RealSlices, 8, 8);
        foreach (var (split, name, x) in new[] { ("train", "p", 0), ("val", "p", 0), ("test", "p0", 0), ("test", "p1", 1) })
        {
            foreach (var kind in new[] { ImageKinds.Bravo, ImageKinds.T1Pre })
                folder.Add(
                    split,
                    name,
                    kind,
                    shape,
                    [[-0.5, 0, 0, 90 + x], [0, -0.5, 0, 126], [0, 0, 2, -72], [0, 0, 0, 1]],
                    [.. Enumerable.Range(0, (int)shape.Elements).Select(i => i % 97 / 97f)]);
        }

        return folder;
    }

    [Fact]
    public void Weights_hash_is_that_of_the_file()
    {
        var record = Sample(Plan())[0];
        var file = _run.Latest.File(record.Weights);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))), record.WeightsSha256);
    }

    [Fact]
    public void Cancelled_sampling_leaves_no_half_sample()
    {
        var plan = Plan(sampler: new EulerSampler());
        _run.Train(plan);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => _run.Use(plan, (trained, volumes) => new SampleWriter(plan, trained, volumes)
            .Write(_run.Folder.Samples, (number, _) => CancelIf(number == 1), stop.Token)));
        Assert.Equal(["00000"], Directory.GetDirectories(_run.Folder.Samples).Select(Path.GetFileName));

        void CancelIf(bool second)
        {
            if (second)
                stop.Cancel();
        }
    }

    [Fact]
    public void Write_removes_what_a_killed_process_left_and_nothing_else()
    {
        Directory.CreateDirectory(Path.Combine(_run.Folder.Samples, ".tmp-00000-1"));
        Directory.CreateDirectory(Path.Combine(_run.Folder.Samples, ".tmp-notes"));
        Sample(Plan());
        Assert.Equal([".tmp-notes", "00000", "00001"], Directory.GetDirectories(_run.Folder.Samples).Select(Path.GetFileName).Order());
    }
}
