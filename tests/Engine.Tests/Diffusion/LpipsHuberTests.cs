using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion;

/// <summary>The loss <c>lpips_huber</c>; the distance of features itself is <c>PerceptualLossTests</c>'.</summary>
[Collection(Alone.Name)]
public sealed class LpipsHuberTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private const double Huber = 0.49946029; // √(0.25 + 0.00054²) − 0.00054: the error is 0.5 everywhere

    // every grey has the direction (1, 1, 1), so that nothing is ever far from anything
    private const string Grey = "return x";
    private const string Intensity = "_0 = torch.slice(x, 1, 0, 1)\nreturn torch.cat([_0, torch.rsub(_0, 1.)], 1)";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private PerceptualOptions Network(string body) => new()
    {
        Network = TorchScriptFile.Write(Path.Combine(_folder.Path, $"{body.Length}.pt"), body), SliceFraction = 1,
    };

    private ExperimentPlan Plan(string body, double rate)
    {
        var draft = TinyRun.Draft(cohort);
        return ExperimentPlan.Compose(draft with
        {
            Training = draft.Training with { Loss = DenoiserLoss.LpipsHuber, Perceptual = Network(body), Epochs = 1, LearningRate = rate },
        });
    }

    [Fact]
    public void Hubers_part_weighs_by_what_is_no_noise_in_training_and_validation()
    {
        using var run = new TinyRun();

        var status = run.Train(Plan(Grey, 1e-9));

        Assert.All(run.Steps, step => Assert.InRange(step.Loss, 0, 0.9 * Huber)); // τ is from 0.1 to 1
        Assert.True(run.Steps.Select(step => step.Loss).Distinct().Count() > 1);
        Assert.Equal(0.45 * Huber, status.Best!.Loss, 0.01 * Huber); // the mean of 1 − τ over quantiles of the uniform law
    }

    [Fact]
    public void Distance_of_features_is_added_and_learned_by()
    {
        using var grey = new TinyRun();
        using var seen = new TinyRun();
        grey.Train(Plan(Grey, 0.01), validate: false);
        seen.Train(Plan(Intensity, 0.01), validate: false);

        Assert.True(seen.Steps[0].Loss > grey.Steps[0].Loss + 1e-3, $"{seen.Steps[0].Loss} and {grey.Steps[0].Loss}");
        Assert.NotEqual(grey.Steps[0].GradientNorm, seen.Steps[0].GradientNorm, 1e-6);
    }

    public static TheoryData<string, string, string> Refusals => new()
    {
        { "none", "loss", "the loss lpips_huber compares features, and training.perceptual.network names no file of a network; set "
            + "it, or use huber" },
        { "mask", "loss", "the loss lpips_huber compares features of images, and the target has a mask; use huber" },
        { "latent", "loss", "the loss lpips_huber compares volumes, and `AffineCompressor` is learned, through whose decoder each "
            + "step would go; use huber" },
        { "idle", "perceptual", "perceptual is the network of the loss lpips_huber; set loss: lpips_huber, or remove perceptual" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_be_is_refused(string what, string key, string sentence)
    {
        var draft = TinyRun.Draft(cohort);
        var training = draft.Training with { Loss = DenoiserLoss.LpipsHuber, Perceptual = new PerceptualOptions { Network = "net.pt" } };
        draft = what switch
        {
            "none" => draft with { Training = training with { Perceptual = null } },
            "mask" => draft with { Training = training, Target = [ImageKinds.Seg] },
            "latent" => draft with { Training = training, Compressor = TinyRun.Part<ICompressor>("compressor", new AffineCompressor()) },
            _ => draft with { Training = training with { Loss = DenoiserLoss.Huber } },
        };

        var refusal = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(draft));

        Assert.Equal((sentence, "training", key), (refusal.Message, refusal.Section, refusal.Key));
    }
}
