using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

/// <summary>Parts that give a tensor which goes on by broadcasting, or is of no number that can be learned by.</summary>
[Collection(Alone.Name)]
public sealed class PartOutputTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static readonly FormulaArchitecture Flat = new((noisy, _, _, bias) => noisy.mean([2], keepdim: true) + bias);

    private static readonly FormulaArchitecture Counting = new((noisy, _, _, bias) => (noisy + bias).to(ScalarType.Int64));

    [Fact]
    public void Prediction_without_slices_is_refused() => Refused(
        TinyRun.Plan(cohort, Flat),
        "`FormulaArchitecture` of the plugin tiny 1.0.0 predicts float32 [1, 1, 1, 8, 8] on cpu, "
        + "and it has to be float32 [1, 1, 8, 8, 8] on cpu");

    [Fact]
    public void Prediction_of_integers_is_refused() => Refused(
        TinyRun.Plan(cohort, Counting), "predicts int64 [1, 1, 8, 8, 8] on cpu, and it has to be float32 [1, 1, 8, 8, 8] on cpu");

    [Fact]
    public void Latent_of_another_shape_than_was_planned_is_refused()
    {
        var draft = TinyRun.Draft(cohort);

        Refused(
            ExperimentPlan.Compose(draft with { Compressor = TinyRun.Part<ICompressor>("compressor", new Misjudged()) }),
            "`Misjudged` of the plugin tiny 1.0.0 encodes to float32 [1, 1, 1, 8, 8] on cpu, "
            + "and it has to be float32 [1, 1, 8, 8, 8] on cpu");
    }

    [Fact]
    public void Augmentation_that_loses_slices_is_refused()
    {
        var draft = TinyRun.Draft(cohort);

        Refused(
            ExperimentPlan.Compose(draft with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new OneSlice())] }),
            "`OneSlice` of the plugin tiny 1.0.0 changes the target to float32 [1, 1, 1, 8, 8] on cpu");
    }

    [Fact]
    public void Sample_of_another_shape_is_refused()
    {
        var draft = TinyRun.Draft(cohort);
        var plan = ExperimentPlan.Compose(draft with { Sampler = TinyRun.Part<ISampler>("sampling", new OneSliceSampler()) });
        using var random = new RandomStreams(0);
        using var model = DiffusionModel.Create(plan, TinyRun.Context(plan, random));
        var volumes = TinyRun.Volumes(plan, Cohort.Open(cohort.Path), Cohort.Test);
        using var batch = volumes.Load(0);

        var refusal = Assert.Throws<PlanException>(
            object? () => new VolumeGenerator(plan, model).GenerateLatent(0, batch, cancellation: TestContext.Current.CancellationToken));

        Assert.StartsWith(
            "`OneSliceSampler` of the plugin tiny 1.0.0 samples float32 [1, 1, 1, 8, 8] on cpu", refusal.Message, StringComparison.Ordinal);
    }

    private static void Refused(ExperimentPlan plan, string sentence)
    {
        using var run = new TinyRun();

        var refusal = Assert.Throws<PlanException>(() => run.Train(plan, validate: false));

        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }

    private sealed class Misjudged : ICompressor<NoOptions>
    {
        public bool IsLearned => false;

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => volume;

        public Compressor Create(NoOptions options, PartContext context) => new Flattening();

        private sealed class Flattening() : Compressor("flattening")
        {
            public override Tensor Encode(Tensor volume) => volume.mean([2], keepdim: true);

            public override Tensor Decode(Tensor latent) => latent;
        }
    }

    private sealed class OneSlice : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new First();

        private sealed class First : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) =>
                [term with { Target = term.Target.narrow(2, 0, 1) }];
        }
    }

    private sealed class OneSliceSampler : ISampler<NoOptions>
    {
        public Sampler Create(NoOptions options, PartContext context) => new First();

        private sealed class First : Sampler
        {
            public override Tensor Sample(SamplingTask task) => task.Noise.narrow(2, 0, 1);
        }
    }
}
