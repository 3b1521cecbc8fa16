using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Data;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion.Sweeps;

/// <summary>An oracle without bias generates the very volumes that it is conditioned on; features are a volume's mean.</summary>
[Collection(Alone.Name)]
public sealed class SamplingSweepTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();
    private readonly List<long[]> _seen = [];
    private readonly List<float> _noise = [];
    private readonly List<string> _warnings = [];

    public void Dispose() => _run.Dispose();

    private ExperimentPlan Plan
    {
        get
        {
            var plan = TinyRun.Plan(cohort, new FormulaArchitecture(Watched, 0));
            return plan with
            {
                Metrics = [TinyRun.Part<IMetric>("evaluation", new MeanGap(_seen.Add), new GapOptions())],
                Training = plan.Training with { Epochs = 1, LearningRate = 1e-12 },
                Sampling = new SamplingOptions { Count = 3, Split = Cohort.Val },
            };
        }
    }

    private Tensor Watched(Tensor noisy, Tensor timesteps, Conditioning conditioning, Tensor bias)
    {
        if (timesteps[0].item<float>() == 1000)
            _noise.Add(noisy.mean().item<float>());
        return FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
    }

    private static ExperimentPlan With(ExperimentPlan plan, int steps) =>
        plan with { Sampler = plan.Sampler with { Options = new EulerOptions { Steps = steps } } };

    private static SolverConfiguration Euler(int steps) => SolverConfiguration.Of("euler", steps);

    private T Sweep<T>(ExperimentPlan plan, Func<SamplingSweep, T> use) => _run.Use(plan, (trained, _) =>
    {
        var opened = Cohort.Open(plan.Data.Cohort);
        Directory.CreateDirectory(Path.Combine(_run.Folder.Sweeps, "configurations"));
        using var sweep = new SamplingSweep(
            plan, trained, opened, TinyRun.Volumes(plan, opened, plan.Sampling.Split), Cohort.Test,
            TinyRun.Volumes(plan, opened, Cohort.Test), warned: _warnings.Add);
        return use(sweep);
    });

    [Fact]
    public void Configurations_are_judged_with_the_same_noise_and_conditions_and_real_volumes_are_seen_once()
    {
        _run.Train(Plan);
        _noise.Clear();

        var (two, four) = Sweep(Plan, sweep => (sweep.Judge(Euler(2), With(Plan, 2)), sweep.Judge(Euler(4), With(Plan, 4))));

        Assert.Equal((2.0, 4.0), (two.Nfe, four.Nfe));
        Assert.Equal(6, _noise.Count);
        Assert.Equal(_noise[..3], _noise[3..]);
        Assert.Equal(3, _noise[..3].Distinct().Count());
        Assert.Equal(3 + 2 + 3, _seen.Count);
        // three volumes of two conditions, the first one twice, which the oracle generates whatever the steps
        var (val, test) = (Means(Cohort.Val), Means(Cohort.Test));
        var gap = Math.Abs((2 * val[0] + val[1]) / 3 - test.Average());
        Assert.Equal(gap, two.Metrics["MeanGap"].Value!.Value, 1e-5);
        Assert.Equal(gap, four.Metrics["MeanGap"].Value!.Value, 1e-5);
        Assert.True(two.SecondsPerVolume > 0);
    }

    [Fact]
    public void What_is_done_is_found_under_the_same_circumstances_alone()
    {
        _run.Train(Plan);
        var plan = Plan;
        var done = Sweep(plan, sweep => sweep.Judge(Euler(2), With(plan, 2)));

        var found = Sweep(plan, sweep => sweep.Find(Euler(2), With(plan, 2)))!;

        Assert.Equal(
            (done.Name, done.Nfe, done.SecondsPerVolume, done.Metrics["MeanGap"].Value),
            (found.Name, found.Nfe, found.SecondsPerVolume, found.Metrics["MeanGap"].Value));
        Assert.Null(Sweep(plan, sweep => sweep.Find(Euler(2), With(plan, 3))));
        ExperimentPlan[] others =
        [
            plan with { Sampling = plan.Sampling with { Seed = 1 } },
            plan with { Sampling = plan.Sampling with { Count = 2 } },
            plan with { Sampling = plan.Sampling with { Split = Cohort.Test } },
            plan with { Sampling = plan.Sampling with { TimeShift = 2 } },
            plan with { Metrics = [TinyRun.Part<IMetric>("evaluation", new MeanGap(_seen.Add), new GapOptions { Name = "another" })] },
        ];
        Assert.All(others, other => Assert.Null(Sweep(other, sweep => sweep.Find(Euler(2), With(other, 2)))));
        // and it is still there for those who ask as before
        Assert.NotNull(Sweep(plan, sweep => sweep.Find(Euler(2), With(plan, 2))));
    }

    [Fact]
    public void Another_build_of_a_plugin_is_measured_anew_and_said_once()
    {
        using var folder = new TemporaryFolder();
        var assembly = Path.Combine(folder.Path, "Gap.dll");
        File.WriteAllText(assembly, "one build");
        var plan = Plan;
        plan = plan with { Metrics = [plan.Metrics[0] with { Source = new PartSource("gaps", "1.0.0", assembly) }] };
        _run.Train(plan);
        Sweep(plan, sweep => sweep.Judge(Euler(2), With(plan, 2)));
        Sweep(plan, sweep => sweep.Judge(Euler(3), With(plan, 3)));
        File.WriteAllText(assembly, "another build");

        Assert.Equal((null, null), Sweep(plan, sweep => (sweep.Find(Euler(2), With(plan, 2)), sweep.Find(Euler(3), With(plan, 3)))));
        Assert.Contains(
            "was measured with other builds of plugins (gaps); it stays, and is measured anew",
            Assert.Single(_warnings), StringComparison.Ordinal);
        File.WriteAllText(assembly, "one build");
        Assert.NotNull(Sweep(plan, sweep => sweep.Find(Euler(2), With(plan, 2))));
    }

    [Fact]
    public void Weights_that_were_trained_on_make_it_stale()
    {
        var plan = Plan with { Training = Plan.Training with { LearningRate = 0.01 } };
        _run.Train(plan);
        Sweep(plan, sweep => sweep.Judge(Euler(2), With(plan, 2)));

        _run.Train(plan with { Training = plan.Training with { Epochs = 2 } }, resume: true);

        Assert.Null(Sweep(plan, sweep => sweep.Find(Euler(2), With(plan, 2))));
    }

    [Theory]
    [InlineData("\"nfe\": 2", "\"nfe\": 1", "do not have the hash")]
    [InlineData("{\n  \"key\":", "garbage", "cannot be read")]
    public void Changed_or_damaged_file_is_as_if_it_were_not_there_and_is_named_once(string written, string changed, string why)
    {
        _run.Train(Plan);
        Sweep(Plan, sweep => sweep.Judge(Euler(2), With(Plan, 2)));
        var file = Directory.GetFiles(Path.Combine(_run.Folder.Sweeps, "configurations")).Single();
        var text = File.ReadAllText(file);
        Assert.Contains(written, text, StringComparison.Ordinal);
        File.WriteAllText(file, text.Replace(written, changed, StringComparison.Ordinal));
        Assert.Empty(_warnings);

        Assert.Equal((null, null), Sweep(Plan, sweep => (sweep.Find(Euler(2), With(Plan, 2)), sweep.Find(Euler(2), With(Plan, 2)))));

        var warning = Assert.Single(_warnings);
        Assert.Contains(file, warning, StringComparison.Ordinal);
        Assert.Contains(why, warning, StringComparison.Ordinal);
        Assert.Contains("is measured anew", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_an_earlier_version_left_without_a_hash_is_taken()
    {
        _run.Train(Plan);
        Sweep(Plan, sweep => sweep.Judge(Euler(2), With(Plan, 2)));
        var file = Directory.GetFiles(Path.Combine(_run.Folder.Sweeps, "configurations")).Single();
        var node = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        Assert.True(node.Remove("sha256"));
        File.WriteAllText(file, node.ToJsonString());

        Assert.NotNull(Sweep(Plan, sweep => sweep.Find(Euler(2), With(Plan, 2))));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Stop_inside_a_configuration_keeps_nothing_of_it()
    {
        _run.Train(Plan);
        using var stop = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => Sweep(Plan, sweep => sweep.Judge(Euler(2), With(Plan, 2), (volume, _) =>
        {
            if (volume == 1)
                stop.Cancel();
        }, stop.Token)));

        Assert.Empty(Directory.GetFiles(Path.Combine(_run.Folder.Sweeps, "configurations")));
    }

    [Fact]
    public void Metrics_of_the_same_name_are_numbered()
    {
        var plan = Plan with
        {
            Metrics = [Plan.Metrics[0], TinyRun.Part<IMetric>("evaluation", new MeanGap(_seen.Add), new GapOptions { Name = "another" })],
        };
        _run.Train(plan);

        var one = Sweep(plan, sweep => sweep.Judge(Euler(2), With(plan, 2)));

        Assert.Equal([("MeanGap", "mean"), ("MeanGap_2", "another")], one.Metrics.Select(metric => (metric.Key, metric.Value.Extractor)));
    }

    [Fact]
    public void Second_process_is_refused_while_the_first_sweeps()
    {
        var folder = new SweepFolder(_run.Folder);
        using (folder.Lock())
            Assert.Contains(
                "is being swept by another process",
                Assert.Throws<RunFolderException>(() => folder.Lock()).Message,
                StringComparison.Ordinal);

        folder.Lock().Dispose();
    }

    private double[] Means(string split)
    {
        var volumes = TinyRun.Volumes(Plan, Cohort.Open(cohort.Path), split);
        return [.. Enumerable.Range(0, volumes.Count).Select(i =>
        {
            using var scope = NewDisposeScope();
            using var sample = volumes.Load(i);
            return (double)sample.Images[ImageKinds.Bravo].narrow(2, 0, TinyCohort.RealSlices).mean().item<float>();
        })];
    }

    private sealed record GapOptions
    {
        public string Name { get; init; } = "mean";
    }

    /// <summary>How far apart two sets are in the mean.</summary>
    private sealed class MeanGap(Action<long[]> seen) : IMetric<GapOptions>
    {
        public Metric Create(GapOptions options, PartContext context) => new Gap(seen, options.Name);

        private sealed class Gap(Action<long[]> seen, string name) : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override bool HigherIsBetter => false;

            public override string Extractor => name;

            public override Tensor Features(Tensor volumes)
            {
                seen(volumes.shape);
                return volumes.mean([1, 2, 3, 4]).unsqueeze(1);
            }

            public override MetricResult Compare(Tensor real, Tensor generated)
            {
                using var scope = NewDisposeScope();
                return MetricResult.Mean([(real.mean() - generated.mean()).abs().item<float>()]);
            }
        }
    }
}
