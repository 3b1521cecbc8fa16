using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion;

/// <summary>Augmentations that change volumes before the compressor sees them, and the folder of a part's plugin.</summary>
[Collection(Alone.Name)]
public sealed class VolumeAugmentationTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    [Fact]
    public void Compressor_sees_the_changed_volumes_and_augmentations_are_told_of_masks_and_ranges()
    {
        using var run = new TinyRun();
        var part = new Blackening();
        var plan = ExperimentPlan.Compose(TinyRun.Draft(cohort) with
        {
            Condition = new ConditionOptions { Images = [ImageKinds.Seg] },
            Augmentations = [TinyRun.Part<IAugmentation>("augmentations", part)],
        });

        run.Train(plan);

        Assert.Equal([("bravo", false, 0.0, 1.0), ("seg", true, 0.0, 1.0)], part.Told.Distinct().Order());
        Assert.Equal(run.Steps.Count, part.Clean.Count);
        Assert.All(part.Clean, mean => Assert.Equal(0.25, mean));
    }

    [Fact]
    public void Validation_sees_the_volumes_as_they_are()
    {
        using var with = new TinyRun();
        using var without = new TinyRun();
        var draft = TinyRun.Draft(cohort);
        draft = draft with { Training = draft.Training with { Epochs = 1, LearningRate = 1e-12 } };
        with.Train(ExperimentPlan.Compose(draft with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new Blackening())] }));
        without.Train(ExperimentPlan.Compose(draft));

        Assert.Equal(without.Metrics[^1].ValidationLoss!.Value, with.Metrics[^1].ValidationLoss!.Value, 1e-6);
    }

    [Fact]
    public void Images_of_another_shape_are_refused() =>
        Assert.Contains(
            "`Cutting` of the plugin tiny 1.0.0 changes bravo to float32 [1, 1, 4, 8, 8] on cpu, and it has to be float32 [1, 1, 8, 8, 8]",
            Refusal(new Cutting()),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("volumes", "`Nothing` of the plugin tiny 1.0.0 gives null as ApplyToVolumes; use another version of the plugin")]
    [InlineData("images", "`Nothing` of the plugin tiny 1.0.0 gives null among the images of ApplyToVolumes; use another version "
        + "of the plugin")]
    [InlineData("voxels", "`Nothing` of the plugin tiny 1.0.0 changes bravo to null, and it has to be float32 [1, 1, 8, 8, 8] on "
        + "cpu; use another version of the plugin")]
    public void Nothing_in_place_of_volumes_is_refused(string what, string sentence) => Assert.Equal(sentence, Refusal(new Nothing(what)));

    [Fact]
    public void Weights_of_voxels_must_not_get_lost()
    {
        using var run = new TinyRun();
        var draft = TinyRun.Draft(cohort);
        var plan = ExperimentPlan.Compose(draft with
        {
            Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new Forgetting())],
            Training = draft.Training with { RegionWeights = new() },
        });

        var refusal = Assert.Throws<PlanException>(() => run.Train(plan, validate: false));

        Assert.StartsWith("`Forgetting` of the plugin tiny 1.0.0 loses the weights of voxels", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Latents_that_are_computed_once_leave_nothing_to_change()
    {
        var draft = TinyRun.Draft(cohort);
        var plan = ExperimentPlan.Compose(draft with
        {
            Compressor = TinyRun.Part<ICompressor>("compressor", new LearnedHalf()),
            Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new Blackening())],
        });
        using var random = new RandomStreams(0);

        var refusal = Assert.Throws<PlanException>(() => DiffusionModel.Create(plan, TinyRun.Context(plan, random)));

        Assert.StartsWith("`Blackening` changes volumes before the compressor", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("augmentations", refusal.Section);
    }

    [Fact]
    public void Part_is_given_the_folder_of_its_own_plugin()
    {
        var part = new Blackening();
        var planned = TinyRun.Part<IAugmentation>("augmentations", part);
        var plan = ExperimentPlan.Compose(TinyRun.Draft(cohort) with
        {
            Augmentations = [planned with { Source = planned.Source with { Folder = "/plugins/own" } }, planned],
        });
        using var random = new RandomStreams(0);

        using var model = DiffusionModel.Create(plan, TinyRun.Context(plan, random));

        Assert.Equal(["/plugins/own", null], part.Folders);
        Assert.Null(model.Context.PluginFolder);
    }

    private string Refusal(IAugmentation part)
    {
        using var run = new TinyRun();
        var plan = ExperimentPlan.Compose(TinyRun.Draft(cohort) with { Augmentations = [TinyRun.Part("augmentations", part)] });
        return Assert.Throws<PlanException>(() => run.Train(plan, validate: false)).Message;
    }

    /// <summary>Makes every image 0.25, and notes what it is told and what the latent is afterwards.</summary>
    private sealed class Blackening : IAugmentation<NoOptions>
    {
        public List<(string Kind, bool IsMask, double Low, double High)> Told { get; } = [];

        public List<double> Clean { get; } = [];

        public List<string?> Folders { get; } = [];

        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context)
        {
            Folders.Add(context.PluginFolder);
            return new Quarter(this);
        }

        private sealed class Quarter(Blackening part) : Augmentation
        {
            public override bool ChangesVolumes => true;

            public override TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random)
            {
                part.Told.AddRange(volumes.Images.Select(image => (image.Kind, image.IsMask, image.Low, image.High)));
                return volumes with
                {
                    Images =
                    [
                        .. volumes.Images.Select(image =>
                            image.IsMask ? image : image with { Voxels = full_like(image.Voxels, S(0.25)) }),
                    ],
                };
            }

            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
            {
                part.Clean.Add(term.Clean.mean().ToDouble());
                return [term];
            }
        }
    }

    private sealed class Forgetting : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Anew();

        private sealed class Anew : Augmentation
        {
            public override bool ChangesVolumes => true;

            public override TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random) => new() { Images = volumes.Images };
        }
    }

    private sealed class Nothing(string what) : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Missing(what);

        private sealed class Missing(string what) : Augmentation
        {
            public override bool ChangesVolumes => true;

            public override TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random) => what switch
            {
                "volumes" => null!,
                "images" => volumes with { Images = [null!] },
                _ => volumes with { Images = [.. volumes.Images.Select(image => image with { Voxels = null! })] },
            };
        }
    }

    private sealed class Cutting : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Half();

        private sealed class Half : Augmentation
        {
            public override bool ChangesVolumes => true;

            public override TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random) =>
                volumes with { Images = [.. volumes.Images.Select(image => image with { Voxels = image.Voxels.narrow(2, 0, 4) })] };
        }
    }

    private sealed class LearnedHalf : ICompressor<NoOptions>
    {
        private static readonly HalfDepth Half = new();

        public bool IsLearned => true;

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => Half.LatentShape(options, volume);

        public Compressor Create(NoOptions options, PartContext context) => Half.Create(options, context);
    }
}
