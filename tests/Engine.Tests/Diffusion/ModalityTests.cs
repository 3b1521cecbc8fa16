using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Diffusion;

/// <summary>One denoiser of several images, told by an embedding which of them it makes.</summary>
[Collection(Alone.Name)]
public sealed class ModalityTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Draft(params string[] modalities)
    {
        var draft = TinyRun.Draft(cohort, new ModulatedArchitecture());
        return draft with
        {
            // the same voxels, of half the intensity
            Data = draft.Data with { ClipMax = new Dictionary<string, double> { [ImageKinds.Bravo] = 1, [ImageKinds.T1Pre] = 2 } },
            Condition = new ConditionOptions { Images = [ImageKinds.Seg], Modalities = modalities },
            Training = draft.Training with { BatchSize = 4, LearningRate = 0.05, Epochs = 60 },
        };
    }

    private ExperimentPlan Plan => ExperimentPlan.Compose(Draft(ImageKinds.Bravo, ImageKinds.T1Pre));

    private ModalityDataset Modalities(Cohort opened) => new(
        opened, Cohort.Train, Plan.Data, Plan.Target[0], Plan.Condition.Modalities!,
        [.. Plan.Kinds.Except(Plan.Condition.Modalities!)], Plan.TumourUse);

    [Fact]
    public void Each_patient_counts_once_for_each_modality_which_takes_the_targets_place()
    {
        var opened = Cohort.Open(cohort.Path);
        var samples = Modalities(opened);
        var volumes = TinyRun.Volumes(Plan, opened, Cohort.Train);

        using var batch = samples.Load([0, 1, 2], 0, 0, CancellationToken.None);
        using var patients = volumes.Load(0, 1);

        Assert.Equal(2 * volumes.Count, samples.Count);
        Assert.Equal(["train0/bravo", "train0/t1_pre", "train1/bravo"], batch.Patients);
        Assert.Equal([0, 1, 0], batch.Modalities!);
        Assert.Equal([ImageKinds.Bravo, ImageKinds.Seg], batch.Images.Keys.Order());
        Same(patients.Images[ImageKinds.Bravo][0], batch.Images[ImageKinds.Bravo][0]);
        Same(patients.Images[ImageKinds.T1Pre][0], batch.Images[ImageKinds.Bravo][1]);
        Same(patients.Images[ImageKinds.Bravo][1], batch.Images[ImageKinds.Bravo][2]);
        Same(patients.Images[ImageKinds.Seg][0], batch.Images[ImageKinds.Seg][1]);

        static void Same(Tensor expected, Tensor actual) => Assert.Equal(expected.data<float>().ToArray(), actual.data<float>().ToArray());
    }

    [Fact]
    public void Denoiser_learns_what_is_another_in_each_and_makes_the_one_that_is_the_target()
    {
        using var run = new TinyRun();
        run.Train(Plan);

        // velocities are x0 less noise, whose mean is 0: the mean of an image
        var (bravo, pre) = (Predicted(ImageKinds.Bravo), Predicted(ImageKinds.T1Pre));

        Assert.InRange(bravo - pre, 0.15, 0.35); // 0.5 and 0.25

        double Predicted(string kind)
        {
            var plan = ExperimentPlan.Compose(Draft(ImageKinds.Bravo, ImageKinds.T1Pre) with { Target = [kind] });
            return run.Use(plan, (trained, test) =>
            {
                using var scope = NewDisposeScope();
                using var batch = test.Load(0);
                using var gradient = no_grad();
                var condition = trained.Model.EncodeCondition(batch);
                return trained.Model.Predict(zeros(plan.Shape.Latent.Batch(1)), full([1], S(500.0), ScalarType.Float32), condition)
                    .mean().ToDouble();
            });
        }
    }

    [Fact]
    public void Nothing_is_shifted_where_the_condition_was_left_away()
    {
        using var scope = NewDisposeScope();
        using var network = ConditioningNetwork.Create(null, 3, 0, 8, CPU)!;
        Assert.Equal((3 * 8) + 8 + (8 * 8) + 8, network.parameters().Sum(parameter => parameter.numel()));
        using (no_grad())
        {
            foreach (var parameter in network.parameters())
                parameter.copy_(rand_like(parameter));
        }

        var shift = network.Modulation(null, tensor(new long[] { 0, 2, -1 }), null, 3).Shift!;

        Assert.Equal(0, shift[2].abs().max().ToDouble());
        Assert.NotEqual(shift[0].data<float>().ToArray(), shift[1].data<float>().ToArray());
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "one", "modalities [bravo] are not several; name two or more, or remove them" },
        { "mask", "seg is a mask, and modalities are images, of one range; remove it" },
        { "target", "target is flair, which is none of the modalities; name one of bravo, t1_pre there" },
        { "both", "target is bravo, t1_pre, and of modalities one is made at a time; name one of bravo, t1_pre there" },
        { "condition", "t1_pre is both a modality and a condition; remove it from one of them" },
        { "latents", "modalities are learned of volumes, and the latents of `AffineCompressor` are computed once, of one image each; "
            + "use a compressor that is not learned" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_be_is_refused(string what, string sentence)
    {
        var draft = Draft(ImageKinds.Bravo, ImageKinds.T1Pre);
        draft = what switch
        {
            "one" => Draft(ImageKinds.Bravo),
            "mask" => Draft(ImageKinds.Bravo, ImageKinds.Seg),
            "target" => draft with { Target = [ImageKinds.Flair] },
            "both" => draft with { Target = [ImageKinds.Bravo, ImageKinds.T1Pre], Condition = draft.Condition with { Images = [] } },
            "condition" => draft with { Condition = draft.Condition with { Images = [ImageKinds.T1Pre] } },
            _ => draft with { Compressor = TinyRun.Part<ICompressor>("compressor", new AffineCompressor()) },
        };

        var refusal = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(draft));

        Assert.Equal((sentence, "condition.modalities"), (refusal.Message, refusal.Path));
    }
}
