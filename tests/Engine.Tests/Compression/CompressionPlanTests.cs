using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Engine.Tests.Compression.CompressionRun;

namespace VoxelZoo.Engine.Tests.Compression;

[Collection(Alone.Name)]
public sealed class CompressionPlanTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private CompressionPlan Start => Draft(cohort);

    private CompressionPlan Options(Func<CompressionOptions, CompressionOptions> change) =>
        Start with { Compression = change(Start.Compression) };

    [Fact]
    public void Plan_has_the_shapes_of_one_image()
    {
        var plan = CompressionPlan.Compose(Start with
        {
            Target = [ImageKinds.Bravo, ImageKinds.T1Pre],
            Compressor = TinyRun.Part<ICompressor>("compressor", new ConvCompressor()),
        });

        Assert.Equal((new VolumeShape(1, 8, 8, 8), new VolumeShape(2, 8, 8, 8)), (plan.Volume, plan.Latent));
        Assert.Equal(["bravo", "t1_pre"], plan.Kinds);
    }

    [Fact]
    public void Masks_with_images_are_refused() =>
        Refused(Start with { Target = [ImageKinds.Bravo, ImageKinds.Seg] }, "target", null, "seg is a mask, bravo an image");

    [Fact]
    public void Compressor_without_weights_is_refused() =>
        Refused(
            Start with { Compressor = TinyRun.Part<ICompressor>("compressor", new IdentityCompressor()) },
            "compressor",
            "use",
            "has nothing to train");

    [Fact]
    public void Volume_that_the_compressor_does_not_take_is_refused() =>
        Refused(Start with { Data = Start.Data with { Depth = 7 } }, "compressor", null, "depth 7 is odd");

    [Fact]
    public void Random_slices_of_what_compresses_neighbours_or_is_judged_by_them_are_refused()
    {
        // the tiny compressor wants an even depth, so it does not see each slice by itself
        Refused(Options(o => o with { Slices = 4 }), "training", "slices", "compresses neighbours together");
        var sliceWise = TinyRun.Part<ICompressor>("compressor", new ConvCompressor());
        Assert.Equal(4, CompressionPlan.Compose(Options(o => o with { Slices = 4 }) with { Compressor = sliceWise }).Seen.Depth);
        Refused(
            Options(o => o with { Slices = 4, Crop = [2, 4, 4] }) with { Compressor = sliceWise },
            "training",
            "slices",
            "crop cuts neighbours");
        Refused(
            Options(o => o with { Slices = 4, Phases = [Phase(1, ("l1", 1), ("adversarial", 1))] }) with { Compressor = sliceWise },
            "training",
            "slices",
            "judges neighbours");
    }

    [Fact]
    public void Mixing_of_images_of_one_mask_or_of_more_than_all_is_refused()
    {
        var mixing = new MaskMixingOptions { Mosaic = 0.5, CopyPaste = 0.5 };
        CompressionPlan Masks(CompressionOptions compression, int batch) => Start with
        {
            Target = [ImageKinds.Seg], Compression = compression with { Phases = [Phase(1, ("bce", 1))] },
            Training = Start.Training with { BatchSize = batch },
        };
        Refused(Options(o => o with { Mixing = mixing }), "training", "mixing", "images have no tumours to paste");
        Refused(Masks(Start.Compression with { Mixing = mixing }, 1), "training", "mixing", "takes other masks of the step");
        Refused(Masks(Start.Compression with { Mixing = mixing with { Cutmix = 0.1 } }, 2), "training", "mixing", "add up to 1.1");
        Assert.NotNull(CompressionPlan.Compose(Masks(Start.Compression with { Mixing = mixing }, 2)).Compression.Mixing);
    }

    [Fact]
    public void No_phases_are_refused() => Refused(Options(o => o with { Phases = [] }), "training", "phases", "training.phases is empty");

    [Theory]
    [InlineData("l1", -1.0, "the weight -1 of `l1` is not a number from 0")]
    [InlineData("codebook", double.NaN, "the weight NaN of `codebook` is not a number from 0")]
    [InlineData("bce", 1.0, "`bce` is a loss of masks, and the target is bravo; use l1, l2, perceptual, adversarial")]
    public void Loss_that_does_not_fit_is_refused(string loss, double weight, string sentence) =>
        Refused(
            Options(o => o with { Phases = [Phase(1, ("l2", 1)), Phase(1, ("l2", 1), (loss, weight))] }),
            "training",
            $"phases.1.losses.{loss}",
            sentence);

    [Theory]
    [InlineData("l1")]
    [InlineData("l2")]
    [InlineData("perceptual")]
    [InlineData("adversarial")]
    public void Loss_of_images_on_masks_is_refused(string loss) =>
        Refused(
            Options(o => o with { Phases = [Phase(1, ("bce", 1), (loss, 1))] }) with { Target = [ImageKinds.Seg] },
            "training",
            $"phases.0.losses.{loss}",
            $"`{loss}` is a loss of images, and the target is seg; use bce, dice, boundary");

    [Fact]
    public void Phase_without_a_reconstruction_is_refused() =>
        Refused(
            Options(o => o with { Phases = [Phase(1, ("l1", 0), ("codebook", 1), ("adversarial", 1))] }), "training", "phases.0.losses",
            "phase 1 weighs no loss that compares the reconstruction with the volume; add one of l1, l2");

    [Fact]
    public void Compressors_own_loss_in_a_phase_of_the_head_is_refused() =>
        Refused(
            Options(o => o with { Phases = [Phase(1, ("l1", 1), ("codebook", 1)) with { Trains = TrainedPart.Head }] }),
            "training",
            "phases.0.losses.codebook",
            "a phase that trains the head leaves everything else as it is");

    [Theory]
    [InlineData(new[] { 4, 4 }, "crop [4, 4] is not [D, H, W]")]
    [InlineData(new[] { 4, 0, 4 }, "crop [4, 0, 4] is not [D, H, W]")]
    [InlineData(new[] { 8, 8, 9 }, "crop [8, 8, 9] is larger than the volume [8, 8, 8]")]
    [InlineData(new[] { 5, 8, 8 }, "crop [5, 8, 8] cannot be compressed: depth 5 is odd")]
    public void Crop_that_does_not_fit_is_refused(int[] crop, string sentence) =>
        Refused(Options(o => o with { Crop = crop }), "training", "crop", sentence);

    [Theory]
    [InlineData(new[] { 8, 4, 8 }, 1, "crop", "the discriminator of 1 layers sees blocks of 8×4×8 and needs 6 voxels along each axis")]
    [InlineData(null, 2, "discriminator", "the discriminator of 2 layers sees blocks of 8×8×8 and needs 12 voxels along each axis")]
    public void Blocks_that_leave_no_patch_are_refused(int[]? crop, int layers, string key, string sentence) =>
        Refused(
            Options(o => o with
            {
                Crop = crop,
                Discriminator = new DiscriminatorOptions { Layers = layers },
                Phases = [Phase(1, ("l1", 1), ("adversarial", 1))],
            }),
            "training", key, sentence);

    [Fact]
    public void Perceptual_loss_without_a_network_is_refused_when_it_is_to_be_trained()
    {
        var plan = CompressionPlan.Compose(Options(o => o with { Phases = [Phase(1, ("l1", 1), ("perceptual", 0.1))] }));

        Refusal(
            plan.ValidateNetwork, "training", "phases.0.losses.perceptual",
            "phase 1 weighs the loss `perceptual`, but training.perceptual.network names no TorchScript file");
        var elsewhere = plan with { Training = plan.Training with { Perceptual = new PerceptualOptions { Network = "/no/such.pt" } } };
        Refusal(elsewhere.ValidateNetwork, "training", "perceptual.network", "there is no file /no/such.pt");
        (plan with { Compression = plan.Compression with { Phases = [Phase(1, ("l1", 1), ("perceptual", 0))] } }).ValidateNetwork();
    }

    [Fact]
    public void Description_counts_compressor_and_discriminator()
    {
        var found = Describe(Options(o => o with { Phases = [Phase(1, ("l1", 1), ("adversarial", 1))], Crop = [6, 6, 6] }));

        Assert.Equal(new ParameterCounts(0, 0, 2), found.Parameters);
        Assert.Equal([1, 1, 6, 6, 6], found.CropShape);
        // 1→2, 2→4 with its normalisation, 4→1, kernels of 4³
        var discriminator = 2 * 64 + 2 + 4 * 2 * 64 + 8 + 4 * 64 + 1;
        Assert.Equal(discriminator, found.DiscriminatorParameters);
        Assert.Equal(4L * 4 * (2 + discriminator), found.Memory.Total);
        Assert.Equal(0, Describe(Start).DiscriminatorParameters);
    }

    [Fact]
    public void Expectation_that_does_not_hold_is_refused() => Refusal(
        () => Describe(Start with { Expect = new ExpectOptions { Parameters = 3 } }), "expect", "parameters",
        "the compressor has 2 parameters, expected are 3");

    [Fact]
    public void Head_that_there_is_not_is_refused() => Refusal(
        () => Describe(Draft(cohort, new ScalarCompressor(hasHead: false)) with
        {
            Compression = Start.Compression with { Phases = [Phase(1, ("l1", 1)), Phase(1, ("l1", 1)) with { Trains = TrainedPart.Head }] },
        }),
        "training", "phases.1.trains", "names no head");

    private static CompressionDescription Describe(CompressionPlan draft)
    {
        using var random = new RandomStreams(0);
        return CompressionDescription.Of(CompressionPlan.Compose(draft), Context(draft, random));
    }

    private static void Refused(CompressionPlan draft, string section, string? key, string sentence) =>
        Refusal(() => CompressionPlan.Compose(draft), section, key, sentence);

    private static void Refusal(Action act, string section, string? key, string sentence)
    {
        var refusal = Assert.Throws<PlanException>(act);
        Assert.Equal((section, key), (refusal.Section, refusal.Key));
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }
}
