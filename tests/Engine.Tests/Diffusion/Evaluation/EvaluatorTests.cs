using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Diffusion.Evaluation;

/// <summary>
/// The oracle's prediction is off by its bias b, so its loss is b²; the clean volume that it implies, x + τ·v, is off by τ·b.
/// </summary>
[Collection(Alone.Name)]
public sealed class EvaluatorTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private const double Bias = 0.2;
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private ExperimentPlan Plan
    {
        get
        {
            var plan = TinyRun.Plan(cohort, FormulaArchitecture.Oracle(Bias));
            return plan with { Training = plan.Training with { Epochs = 1, LearningRate = 1e-12 } };
        }
    }

    private EvaluationResult Evaluate()
    {
        _run.Train(Plan);
        return _run.Use(Plan, (trained, volumes) => new Evaluator(Plan, trained, volumes, "test").Run());
    }

    [Fact]
    public void Loss_is_the_closed_form_at_every_timestep()
    {
        var result = Evaluate();
        Assert.Equal(Bias * Bias, result.Loss, 1e-4);
        Assert.Equal([125, 375, 625, 875], result.LossByTimestep.Select(l => l.Timestep)); // centres of four bins
        Assert.All(result.LossByTimestep, l => Assert.Equal(Bias * Bias, l.Loss, 1e-4));
    }

    [Fact]
    public void Null_loss_is_that_of_zeros()
    {
        // mean((x0 − ε)²) = mean(x0²) + 1 on average; x0 is uniform from 0.3 to 0.7. 8 draws of 384 voxels: four deviations are 0.11
        var expected = 1 + 0.25 + 0.4 * 0.4 / 12;
        Assert.Equal(expected, Evaluate().NullLoss, 0.15);
    }

    [Fact]
    public void Estimates_are_off_by_the_bias_times_tau()
    {
        var result = Evaluate();
        Assert.Equal([250, 500, 750], result.Estimates.Select(e => e.Timestep).Order());
        Assert.All(result.Estimates, e => Assert.Equal(Math.Pow(Bias * e.Timestep / 1000, 2), e.Value!.Value, 1e-5));
    }

    [Fact]
    public void Strategy_says_where_estimates_begin_unless_the_experiment_does()
    {
        _run.Train(Plan);
        var strategy = TinyRun.Part<INoiseStrategy>("strategy", new StraightStrategy(), new StraightOptions { Informative = [100, 400] });
        var plan = Plan with { Strategy = strategy };

        Assert.Equal([100, 400], Timesteps(plan));
        Assert.Equal([600], Timesteps(plan with { Evaluation = new EvaluationOptions { Timesteps = [600] } }));

        var astray = TinyRun.Part<INoiseStrategy>("strategy", new StraightStrategy(), new StraightOptions { Informative = [100, 1400] });
        var refusal = Assert.Throws<PlanException>(() => Timesteps(Plan with { Strategy = astray }));
        Assert.StartsWith(
            "`StraightStrategy` of the plugin tiny 1.0.0 gives 100, 1400 as InformativeTimesteps", refusal.Message,
                StringComparison.Ordinal);

        IEnumerable<double> Timesteps(ExperimentPlan evaluated) => _run.Use(
                evaluated, (trained, volumes) => new Evaluator(evaluated, trained, volumes, "test").Run())
            .Estimates.Select(e => e.Timestep).Order();
    }

    [Fact]
    public void What_a_fixed_compressor_loses_is_measured_where_it_says_that_it_is_lossy()
    {
        var lossless = Half(saysSo: false);
        _run.Train(lossless);

        Assert.Empty(Run(lossless).Reconstructions);
        var lossy = Run(Half(saysSo: true)).Reconstructions;

        // two slices become their mean: each is off by half of their difference
        var expected = _run.Use(lossless, (_, volumes) => Enumerable.Range(0, volumes.Count).Select(volume =>
        {
            using var sample = volumes.Load(volume);
            using var scope = TorchSharp.torch.NewDisposeScope();
            var pairs = sample.Images[ImageKinds.Bravo].narrow(2, 0, sample.RealSlices[0]).reshape(sample.RealSlices[0] / 2, 2, -1);
            return (pairs.select(1, 0) - pairs.select(1, 1)).square().mean().item<float>() / 4.0;
        }).ToArray());
        Assert.Equal(["SquaredError"], lossy.Select(e => e.Metric));
        Assert.All(expected.Zip(lossy[0].Values), pair => Assert.Equal(pair.First, pair.Second!.Value, 1e-7));
        Assert.True(lossy[0].Value > 0);

        ExperimentPlan Half(bool saysSo) => ExperimentPlan.Compose(TinyRun.Draft(cohort, FormulaArchitecture.Oracle(Bias)) with
        {
            Compressor = TinyRun.Part<ICompressor>("compressor", new HalfDepth(saysSo)),
            Training = Plan.Training,
        });

        EvaluationResult Run(ExperimentPlan plan) =>
            _run.Use(plan, (trained, volumes) => new Evaluator(plan, trained, volumes, "test").Run());
    }

    [Fact]
    public void Regions_have_the_same_error_where_it_is_the_same_everywhere()
    {
        Assert.Empty(Evaluate().Regions); // no masks are read
        var plan = Plan with { Training = Plan.Training with { RegionWeights = new() } };

        var regions = _run.Use(plan, (trained, volumes) => new Evaluator(plan, trained, volumes, "test").Run()).Regions;

        Assert.Equal([250, 500, 750], regions.Select(r => r.Timestep));
        Assert.All(regions, r =>
        {
            var expected = Math.Pow(Bias * r.Timestep / 1000, 2);
            Assert.Equal(expected, r.TumourLoss, 1e-5);
            Assert.Equal(expected, r.BackgroundLoss!.Value, 1e-5);
            Assert.Equal(1, r.Ratio!.Value, 1e-2);
        });
    }

    [Fact]
    public void Estimates_have_a_value_a_volume_and_their_mean()
    {
        Assert.All(Evaluate().Estimates, e =>
        {
            Assert.Equal(2, e.Values.Count);
            Assert.Equal(e.Values.Average()!.Value, e.Value!.Value, 12);
        });
    }

    [Fact]
    public void Metric_that_is_not_a_number_is_named_and_has_no_mean()
    {
        _run.Train(Plan);
        var plan = Plan with { Metrics = [TinyRun.Part<IMetric>("evaluation", new NotANumber())] };
        var result = _run.Use(Plan, (trained, volumes) => new Evaluator(plan, trained, volumes, "test").Run());
        Assert.All(
            result.Estimates,
            e => Assert.Equal(
                (null, true, "NotANumber is not a number (NaN) for test0, test1, so it has no mean"),
                (e.Value, e.Values.All(value => value is null), e.Reason)));
        Assert.Equal("from t = 250 NotANumber is not a number (NaN) for test0, test1, so it has no mean", result.Undefined.Order().First());
        Assert.Contains("\"value\": null", JsonSerializer.Serialize(result, AtomicFile.Json), StringComparison.Ordinal);
        Assert.DoesNotContain("\"NaN\"", JsonSerializer.Serialize(result, AtomicFile.Json), StringComparison.Ordinal);
    }

    private sealed class NotANumber : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Nan();

        private sealed class Nan : Metric
        {
            public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

            public override bool HigherIsBetter => true;

            public override MetricResult Compute(TorchSharp.torch.Tensor real, TorchSharp.torch.Tensor generated) =>
                MetricResult.Mean([double.NaN]);
        }
    }

    [Fact]
    public void Result_names_the_weights_and_the_split()
    {
        var result = Evaluate();
        Assert.Equal(("step-00000004", "denoiser", "test", 2), (result.Checkpoint, result.Weights, result.Split, result.Volumes));
        Assert.Equal(_run.Latest.Manifest.Files["denoiser.safetensors"].Sha256, result.WeightsSha256);
    }

    [Fact]
    public void Evaluating_twice_gives_the_same_numbers()
    {
        _run.Train(Plan);
        EvaluationResult run() => _run.Use(Plan, (trained, volumes) => new Evaluator(Plan, trained, volumes, "test").Run());
        Assert.Equivalent(run(), run(), strict: true);
    }

    [Fact]
    public void Validation_draws_the_same_noise_each_time()
    {
        var plan = TinyRun.Plan(cohort, new ConvArchitecture());
        _run.Train(plan);
        var (first, second) = _run.Use(plan, (trained, volumes) =>
            (new Validator(plan, volumes).Run(trained.Model), new Validator(plan, volumes).Run(trained.Model)));
        Assert.Equal(first.ByTimestep, second.ByTimestep);
        Assert.Equal((first.Loss, first.NullLoss), (second.Loss, second.NullLoss));
        Assert.Equal(4, first.ByTimestep.Distinct().Count());
    }
}
