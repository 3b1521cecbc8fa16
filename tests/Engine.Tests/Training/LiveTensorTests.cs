using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Training;

[Collection(Alone.Name)]
public sealed class LiveTensorTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Plan
    {
        get
        {
            var plan = TinyRun.Plan(cohort, new ConvArchitecture());
            return plan with
            {
                Condition = plan.Condition with { Dropout = 0.3 },
                Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(0.5))],
                Strategy = plan.Strategy with { Options = new StraightOptions { Weight = 2 } },
                Sampling = plan.Sampling with { Count = 2, Guidance = 1.5 },
                Training = plan.Training with { Epochs = 4, Ema = new EmaOptions { UpdateAfter = 1, UpdateEvery = 1 } },
            };
        }
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        LiveTensors.Settled();
        var live = new List<long>();
        using var run = new TinyRun();
        // a checkpoint that is being written has tensors of its own, so only the last epoch has one
        var plan = Plan with { Training = Plan.Training with { CheckpointEvery = 100, ValidateEvery = 100 } };
        run.Train(plan, stepped: _ => live.Add(torch.Tensor.TotalCount));
        // batches that are being prepared may be among them, two tensors each; the garbage collector may free what other tests left
        Assert.InRange(live[^1] - live[1], long.MinValue, 4);
    }

    [Fact]
    public void Training_sampling_and_evaluating_leave_no_tensor_behind()
    {
        var built = TensorsAfter(() =>
        {
            // TorchSharp's layers leave some for the garbage collector when they are built, which is once a run
            using var random = new RandomStreams(1);
            DiffusionModel.Create(Plan, TinyRun.Context(Plan, random)).Dispose();
        });
        using var run = new TinyRun();
        var experiment = new DiffusionExperiment(Plan); // which builds layers, too
        Assert.InRange(TensorsAfter(() => experiment.Train(run.Folder.Path, TestContext.Current.CancellationToken)), long.MinValue, built);
        Assert.InRange(
            TensorsAfter(() => run.Use(Plan, (trained, volumes) => new SampleWriter(Plan, trained, volumes).Write(run.Folder.Samples))),
            long.MinValue,
            built);
        Assert.InRange(
            TensorsAfter(() => run.Use(Plan, (trained, volumes) => new Evaluator(Plan, trained, volumes, "test").Run())),
            long.MinValue,
            built);
    }

    private static long TensorsAfter(Action action)
    {
        var before = LiveTensors.Settled();
        action();
        return torch.Tensor.TotalCount - before;
    }

    [Fact]
    public void Trainer_that_could_not_start_leaves_no_tensor_behind()
    {
        using var run = new TinyRun();
        var plan = Plan with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new Refusing())] };
        var experiment = new DiffusionExperiment(plan);
        Assert.InRange(
            TensorsAfter(
                () => Assert.Throws<PlanException>(() => experiment.Train(run.Folder.Path, TestContext.Current.CancellationToken))),
            long.MinValue,
            0);
    }

    private sealed class Refusing : IAugmentation<NoOptions>
    {
        // not while the plan is described
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => context.Device.type == DeviceType.META
            ? new SecondTerm(1).Create(options, shape, context)
            : throw new PlanException("not on this grid");
    }
}
