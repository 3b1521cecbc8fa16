using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class RegionWeightTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static readonly RegionWeights Weights = new() { Tiny = 7, Small = 6, Medium = 5, Large = 4, Background = 0.5 };

    private ExperimentPlan Draft()
    {
        var draft = TinyRun.Draft(cohort);
        return draft with { Training = draft.Training with { RegionWeights = Weights, Epochs = 1, LearningRate = 1e-9 } };
    }

    [Fact]
    public void Loss_is_the_mean_of_weight_times_squared_error_over_the_real_slices()
    {
        using var run = new TinyRun();
        run.Train(ExperimentPlan.Compose(Draft()), validate: false);

        // the error is 0.5 everywhere; 3 slices with 3 voxels of one large tumour among 6·8·8
        var expected = 0.25 * (9 * 4 + (384 - 9) * 0.5) / 384;
        Assert.All(run.Steps, step => Assert.Equal(expected, step.Loss, 1e-5));
    }

    // the error is 0.5 everywhere: mean |d| = 0.5, mean d² = 0.25
    [Theory]
    [InlineData(DenoiserLoss.Mse, 0.25)]
    [InlineData(DenoiserLoss.L1, 0.5)]
    [InlineData(DenoiserLoss.Huber, 0.49946029)] // √(0.25 + 0.00054²) − 0.00054
    public void Loss_is_the_one_that_training_names_in_validation_too(DenoiserLoss loss, double expected)
    {
        var plan = TinyRun.Plan(cohort);
        plan = plan with { Training = plan.Training with { Loss = loss, Epochs = 1, LearningRate = 1e-9 } };
        using var run = new TinyRun();

        var status = run.Train(plan);

        Assert.All(run.Steps, step => Assert.Equal(expected, step.Loss, 1e-5));
        Assert.Equal(expected, status.Best!.Loss, 1e-5);
    }

    [Fact]
    public void Weights_of_voxels_weigh_what_the_loss_averages()
    {
        var plan = ExperimentPlan.Compose(Draft());
        using var run = new TinyRun();

        run.Train(plan with { Training = plan.Training with { Loss = DenoiserLoss.L1 } }, validate: false);

        var expected = 0.5 * (9 * 4 + (384 - 9) * 0.5) / 384;
        Assert.All(run.Steps, step => Assert.Equal(expected, step.Loss, 1e-5));
    }

    [Theory]
    [InlineData(9.9, 7)]
    [InlineData(10, 6)]
    [InlineData(20, 5)]
    [InlineData(30, 4)]
    public void Weight_follows_the_diameter(double diameter, double expected) => Assert.Equal(expected, Weights.Of(diameter));

    [Fact]
    public void Weights_where_voxels_are_not_diffused_are_refused()
    {
        var refusal = Assert.Throws<PlanException>(() => Describe(new HalfDepth()));
        Assert.Equal(("training", "region_weights"), (refusal.Section, refusal.Key));
    }

    /// <summary>Voxels that a compressor moves keep their weights: the loss is what it is where they stay.</summary>
    [Fact]
    public void Weights_go_where_voxels_go()
    {
        var plan = ExperimentPlan.Compose(Draft() with { Compressor = TinyRun.Part<ICompressor>("compressor", new Halves()) });
        using var run = new TinyRun();
        run.Train(plan, validate: false);

        var expected = 0.25 * (9 * 4 + (384 - 9) * 0.5) / 384;
        Assert.All(run.Steps, step => Assert.Equal(expected, step.Loss, 1e-5));
    }

    private void Describe(ICompressor compressor)
    {
        var plan = ExperimentPlan.Compose(Draft() with { Compressor = TinyRun.Part("compressor", compressor) });
        using var random = new RandomStreams(0);
        PlanDescription.Of(plan, TinyRun.Context(plan, random));
    }

    [Fact]
    public void Weights_and_padding_move_with_what_an_augmentation_moves()
    {
        var masks = new List<Tensor>();
        var plan = ExperimentPlan.Compose(
            Draft() with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new DepthMirror(masks.Add))] });
        using var run = new TinyRun();
        run.Train(plan, validate: false);

        // the same voxels count with the same weights, wherever they are
        var expected = 0.25 * (9 * 4 + (384 - 9) * 0.5) / 384;
        Assert.All(run.Steps, step => Assert.Equal(expected, step.Loss, 1e-5));
        using var mirrored = masks[0];
        // the two padding slices come first
        Assert.Equal([0f, 0f], new[] { mirrored[0, 0, 0, 0, 0].item<float>(), mirrored[0, 0, 1, 7, 7].item<float>() });
        Assert.Equal(0.5f, mirrored[0, 0, 7, 0, 0].item<float>());
    }

    /// <summary>Every second column becomes a channel.</summary>
    private sealed class Halves : ICompressor<NoOptions>
    {
        public bool IsLearned => false;

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) =>
            volume with { Channels = 2 * volume.Channels, Width = volume.Width / 2 };

        public Compressor Create(NoOptions options, PartContext context) => new Half();

        private sealed class Half() : Compressor("half")
        {
            public override Tensor Encode(Tensor volume) => cat([Columns(volume, 0), Columns(volume, 1)], 1);

            private static Tensor Columns(Tensor volume, int first) => volume[TensorIndex.Ellipsis, TensorIndex.Slice(first, null, 2)];

            public override Tensor Decode(Tensor latent) => stack([.. latent.chunk(2, 1)], -1).flatten(-2);
        }
    }

    /// <summary>A mirror image along D of everything there is.</summary>
    private sealed class DepthMirror(Action<Tensor> seen) : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Mirror(seen);

        private sealed class Mirror(Action<Tensor> seen) : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
            {
                seen(term.VoxelWeights!.flip(2).DetachFromDisposeScope());
                return
                [
                    term with
                    {
                        Clean = term.Clean.flip(2), Noise = term.Noise.flip(2), Noisy = term.Noisy.flip(2), Target = term.Target.flip(2),
                        Condition = term.Condition!.flip(2), VoxelWeights = term.VoxelWeights!.flip(2),
                    },
                ];
            }
        }
    }
}
