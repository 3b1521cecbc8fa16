using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

/// <summary>
/// The oracle is off by its bias b, so its loss is w(τ)·b². The strategy draws τ uniformly from 0.1 to 1 and says nothing of its quantiles:
/// of four equal shares the centres are τ = 0.2125, 0.4375, 0.6625, 0.8875, with the mean 0.55; evenly spread ones over [0, 1] would have
/// 0.5.
/// </summary>
[Collection(Alone.Name)]
public sealed class ValidatorTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private const double Bias = 0.2;
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    private ExperimentPlan Plan(StraightOptions options, int? logged = null)
    {
        var draft = TinyRun.Draft(cohort, FormulaArchitecture.Oracle(Bias));
        return ExperimentPlan.Compose(draft with
        {
            Strategy = TinyRun.Part<INoiseStrategy>("strategy", new StraightStrategy(), options),
            Training = draft.Training with { Epochs = 1, LearningRate = 1e-12, LoggedTimesteps = logged },
        });
    }

    private DiffusionValidation Validate(ExperimentPlan plan)
    {
        _run.Train(plan);
        return _run.Use(plan, (trained, volumes) => new Validator(plan, volumes).Run(trained.Model));
    }

    [Fact]
    public void Loss_is_over_the_law_that_training_draws_from_and_weighs_as_training_does() =>
        Assert.Equal(3 * 0.55 * Bias * Bias, Validate(Plan(new() { Weight = 3, WeighByTau = true })).Loss, 2e-3 * Bias * Bias * 3);

    [Fact]
    public void Loss_of_zero_weighs_as_the_loss_does()
    {
        var (plain, weighed) = (Validate(Plan(new())), Validate(Plan(new() { Weight = 3 })));
        Assert.Equal(3 * plain.NullLoss, weighed.NullLoss, 1e-9);
        Assert.Equal(3 * plain.Loss, weighed.Loss, 1e-9);
    }

    [Fact]
    public void Log_by_timestep_is_over_evenly_spread_ones_without_weights_and_decides_nothing()
    {
        var (logged, silent) = (Validate(Plan(new() { Weight = 3 }, logged: 5)), Validate(Plan(new() { Weight = 3 }, logged: 0)));
        Assert.Equal([100, 300, 500, 700, 900], logged.Timesteps);
        Assert.All(logged.ByTimestep, loss => Assert.Equal(Bias * Bias, loss, 1e-4));
        Assert.Empty(silent.ByTimestep);
        Assert.Equal((silent.Loss, silent.NullLoss), (logged.Loss, logged.NullLoss));
    }

    [Fact]
    public void Best_loss_of_another_definition_gives_way_and_is_named()
    {
        _run.Train(Plan(new()));
        var manifest = Path.Combine(_run.Latest.Folder, "manifest.json");
        var old = _run.Latest.Manifest with { Best = new BestValidation(1, 1e-9) };
        SealedJson.Write(DiskFiles.Instance, manifest, old);
        var plan = Plan(new());

        var status = _run.Train(plan with { Training = plan.Training with { Epochs = 2 } }, resume: true);

        Assert.Equal((2, "training_law"), (status.Best!.Epoch, status.Best.Measure));
        Assert.Contains(
            "the best validation loss so far, 1E-09 after epoch 1, was measured over evenly spread timesteps",
            Assert.Single(_run.Warnings),
            StringComparison.Ordinal);
    }
}
