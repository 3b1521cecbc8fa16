using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Engine.Tests.Compression.CompressionRun;

namespace VoxelZoo.Engine.Tests.Compression;

[Collection(Alone.Name)]
public sealed class CompressionTaskTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private static readonly PhaseOptions Judged = Phase(1, ("l1", 1), ("codebook", 2), ("adversarial", 0.5));

    [Fact]
    public void Step_has_loss_gradient_and_weights_of_the_closed_form()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Phase(1, ("l2", 3), ("codebook", 7))), stopAfter: 1);

        // off by 1/4 everywhere; the codebook's loss is 0 at first, and so is its gradient
        var first = run.Steps[0];
        Assert.Equal(3 * 0.0625, first.Loss, 1e-5);
        Assert.Equal((0.0625, 0), (Math.Round(first.Measures!["loss/l2"], 5), first.Measures["loss/codebook"]));
        Assert.Equal(0.25 - 0.01, run.Weight("decoder"), 1e-5); // Adam's first step is the learning rate
    }

    [Fact]
    public void Loss_is_the_weighted_sum_of_what_is_logged()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Judged));

        Assert.All(run.Steps, step => Assert.Equal(
            Judged.Losses.Sum(loss => loss.Value * step.Measures![$"loss/{loss.Key}"]), step.Loss, 1e-5));
        Assert.All(run.Steps, step => Assert.Equal(
            (step.Measures!["discriminator/real"] + step.Measures["discriminator/reconstructed"]) / 2,
            step.Measures["discriminator/loss"], 1e-5));
        Assert.Equal([1, 2, 3, 4], run.Steps.Select(step => step.Measures!["perplexity"]));
    }

    [Fact]
    public void Padding_slices_do_not_count()
    {
        var draft = Draft(cohort, new ScalarCompressor(scale: 2, shift: 0)) with
        {
            Training = Draft(cohort).Training with { LearningRate = 1e-12 },
        };
        var plan = CompressionPlan.Compose(draft with { Data = draft.Data with { PadMode = PadMode.Constant } });
        using var run = new CompressionRun();

        run.Train(plan);

        // twice the volume is off by the volume, which is 0 in the padding
        Assert.Equal(Means(plan, Cohort.Train).Order(), run.Steps.Select(step => step.Loss).Order(), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(Means(plan, Cohort.Val).Average(), run.Epochs[0].ValidationLoss!.Value, 1e-5);
    }

    private static IEnumerable<double> Means(CompressionPlan plan, string split)
    {
        var images = Images(plan, split);
        for (var i = 0; i < images.Count; i++)
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            using var sample = images.Load(i);
            yield return sample.Images[PooledImages.Image].narrow(2, 0, TinyCohort.RealSlices).mean().item<float>();
        }
    }

    [Fact]
    public void Phases_change_with_their_epoch()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Phase(1, ("l1", 1)), Phase(2, ("l2", 1)), Judged));

        Assert.Equal(
            [.. Enumerable.Repeat("l1", 4), .. Enumerable.Repeat("l2", 8), .. Enumerable.Repeat("l1, adversarial", 4)],
            run.Steps.Select(
                step => string.Join(", ", new[] { "l1", "l2", "adversarial" }.Where(loss => step.Measures!.ContainsKey($"loss/{loss}")))));
        Assert.All(
            run.Steps.Take(12),
            step => Assert.DoesNotContain(step.Measures!.Keys, name => name.StartsWith("discriminator", StringComparison.Ordinal)));
    }

    [Fact]
    public void Discriminator_steps_once_after_each_step_that_weighs_its_judgement()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Phase(2, ("l1", 1)), Judged));

        Assert.Equal(
            (12, 4),
            (
                Numbers(run.Latest, "optimizer", "decoder.step")[0],
                Numbers(run.Latest, "discriminator_optimizer", "final_conv.conv.bias.step")[0]));
        // its normalisation saw three batches a step: one while the compressor was judged, two while it was trained
        using var weights = run.Latest.Read("discriminator");
        Assert.Equal(12, weights["0.adn.N.num_batches_tracked"].data<long>()[0]);
    }

    [Fact]
    public void Discriminator_stays_as_it_is_while_no_phase_weighs_its_judgement()
    {
        using var run = new CompressionRun();
        var plan = Plan(cohort, null, Phase(1, ("l1", 1)), Phase(1, ("l1", 1)), Judged);

        run.Train(plan, stopAfter: 4);
        var before = run.Latest.Manifest.Files["discriminator.safetensors"];
        run.Train(plan, resume: true, stopAfter: 8);

        Assert.Equal(before, run.Latest.Manifest.Files["discriminator.safetensors"]);
        run.Train(plan, resume: true);
        Assert.NotEqual(before, run.Latest.Manifest.Files["discriminator.safetensors"]);
    }

    [Fact]
    public void Run_without_adversarial_loss_has_no_discriminator()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Phase(1, ("l1", 1), ("adversarial", 0))));

        Assert.Equal(["compressor.safetensors", "optimizer.safetensors"], run.Latest.Manifest.Files.Keys.Order());
    }

    [Fact]
    public void Discriminator_learns_at_its_own_rate()
    {
        using var run = new CompressionRun();
        using var slow = new CompressionRun();
        var plan = Plan(cohort, null, Judged);

        run.Train(plan, stopAfter: 1);
        slow.Train(plan with { Compression = plan.Compression with { DiscriminatorLearningRate = 1e-12 } }, stopAfter: 1);

        Assert.Equal(run.Weight("decoder"), slow.Weight("decoder"));
        // Adam's first step is the learning rate, 5e-4 by default
        var (moved, stayed) = (
            Numbers(run.Latest, "discriminator", "final_conv.conv.bias")[0],
            Numbers(slow.Latest, "discriminator", "final_conv.conv.bias")[0]);
        Assert.Equal(5e-4, Math.Abs(moved - stayed), 1e-6);
    }

    [Fact]
    public void Phase_of_the_head_leaves_the_rest_bit_for_bit()
    {
        using var run = new CompressionRun();
        var plan = Plan(
            cohort, new ConvCompressor(), Phase(1, ("l1", 1), ("codebook", 1)), Phase(1, ("l1", 1)) with { Trains = TrainedPart.Head });

        run.Train(plan, stopAfter: 4);
        var before = run.Latest;
        var (rest, moments, head) = (
            Numbers(before, "compressor", "encoder.weight"),
            Numbers(before, "optimizer", "encoder.weight.exp_avg"),
            Numbers(before, "compressor", "decoder.weight"));
        run.Train(plan, resume: true);

        Assert.Equal(rest, Numbers(run.Latest, "compressor", "encoder.weight"));
        Assert.Equal(moments, Numbers(run.Latest, "optimizer", "encoder.weight.exp_avg"));
        Assert.NotEqual(head, Numbers(run.Latest, "compressor", "decoder.weight"));
    }

    [Fact]
    public void Phase_of_the_head_does_without_the_training_pass()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Phase(1, ("l1", 1), ("codebook", 1)), Phase(1, ("l1", 1)) with { Trains = TrainedPart.Head }));

        Assert.Equal(4, run.Weight("passes"));
        Assert.All(run.Steps.Skip(4), step => Assert.Equal(["loss/l1"], step.Measures!.Keys));
    }

    [Fact]
    public void Phase_after_one_of_the_head_trains_everything_again()
    {
        using var run = new CompressionRun();

        run.Train(Plan(
            cohort,
            new ScalarCompressor(scale: 1.5),
            Phase(1, ("l1", 1)) with { Trains = TrainedPart.Head },
            Phase(1, ("l1", 1), ("codebook", 1))));

        Assert.Equal((4, 8), (Numbers(run.Latest, "optimizer", "encoder.step")[0], Numbers(run.Latest, "optimizer", "decoder.step")[0]));
    }

    [Fact]
    public void Phase_may_have_its_own_betas()
    {
        using var run = new CompressionRun();

        run.Train(Plan(cohort, null, Phase(1, ("l2", 1)) with { Beta1 = 0.5, Beta2 = 0.9 }), stopAfter: 1);

        // the gradient is 2 · 1/4
        Assert.Equal(0.5 * 0.5, Numbers(run.Latest, "optimizer", "decoder.exp_avg")[0], 1e-5);
        Assert.Equal(0.1 * 0.25, Numbers(run.Latest, "optimizer", "decoder.exp_avg_sq")[0], 1e-5);
    }

    [Theory]
    [InlineData(
        "codebok",
        "there is no loss `codebok` with the compressor `ScalarCompressor`; did you mean `codebook`? "
        + "(losses: l1, l2, perceptual, adversarial, codebook)")]
    [InlineData("kl", "there is no loss `kl` with the compressor `ScalarCompressor` (losses: l1, l2, perceptual, adversarial, codebook)")]
    public void Loss_that_there_is_not_is_refused_at_the_first_pass(string loss, string sentence)
    {
        using var run = new CompressionRun();

        var plan = Plan(cohort, null, Phase(1, ("l1", 1)), Phase(1, ("l1", 1), (loss, 1)));

        var refusal = Assert.Throws<PlanException>(() => run.Train(plan, resume: true)); // a run that is begun so leaves no folder

        Assert.Equal(("training", $"phases.1.losses.{loss}", sentence), (refusal.Section, refusal.Key, refusal.Message));
        Assert.Equal(0, run.Folder.ReadStatus()!.Step);
    }

    [Fact]
    public void Validation_measures_the_reconstruction_as_the_last_phase_weighs_it()
    {
        var plan = Plan(cohort, null, Phase(1, ("l1", 1)), Phase(1, ("l2", 4), ("adversarial", 1)));
        using var run = new CompressionRun();

        run.Train(plan with { Training = plan.Training with { LearningRate = 1e-12 } });

        Assert.All(run.Epochs, epoch => Assert.Equal(4 * 0.0625, epoch.ValidationLoss!.Value, 1e-4));
    }

    [Fact]
    public void Validation_measures_psnr()
    {
        var plan = Plan(cohort, null, Phase(1, ("l2", 1)));
        using var run = new CompressionRun();

        run.Train(plan with { Training = plan.Training with { LearningRate = 1e-12 } });

        // no voxel is above 0.7, so 0.25 more is not clipped
        Assert.Equal(-20 * Math.Log10(0.25), run.Epochs[0].Measures!["Validation/psnr"], 1e-3);
        Assert.Equal(0.0625, run.Epochs[0].Measures!["Validation/loss/l2"], 1e-5);
    }

    [Fact]
    public void Masks_are_trained_by_their_losses_and_validated_by_dice()
    {
        // logits 100·m − 50
        var draft = Draft(cohort, new ScalarCompressor(scale: 100, shift: -50)) with
        {
            Target = [ImageKinds.Seg],
            Training = Draft(cohort).Training with { LearningRate = 1e-12 },
        };
        using var run = new CompressionRun();

        run.Train(CompressionPlan.Compose(With(draft, Phase(1, ("bce", 1), ("dice", 1), ("boundary", 0.5)))));

        Assert.Equal((0, 1), (Math.Round(run.Epochs[0].ValidationLoss!.Value, 6), run.Epochs[0].Measures!["Validation/dice"]));
        Assert.Equal(["loss/codebook", "loss/bce", "loss/dice", "loss/boundary", "perplexity"], run.Steps[0].Measures!.Keys);
    }

    [Fact]
    public void Average_is_what_is_validated_and_loaded()
    {
        var plan = Plan(cohort, null, Phase(2, ("l1", 1)));
        plan = plan with { Training = plan.Training with { Ema = new EmaOptions { Decay = 0.999, UpdateAfter = 0, UpdateEvery = 100 } } };
        using var run = new CompressionRun();

        run.Train(plan);

        // the average took the weights of the first step and has kept them: both had moved by the learning rate
        Assert.Equal(0.24 - 0.01 * Means(plan, Cohort.Val).Average(), run.Epochs[^1].ValidationLoss!.Value, 1e-5);
        Assert.Equal("ema", run.Use(plan, (trained, _) => trained.Weights));
    }

    [Theory]
    [InlineData(4)] // between the phases
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(9)] // within the phase of the head
    public void Run_stopped_and_resumed_ends_as_if_never_stopped(long stopAfter)
    {
        using var folder = new TemporaryFolder();
        var network = TorchScriptFile.Write(Path.Combine(folder.Path, "network.pt"), "return torch.cat([x, torch.mul(x, x)], 1)");
        var plan = Plan(
            cohort,
            new ConvCompressor(),
            Phase(1, ("l1", 1), ("codebook", 0.1)),
            Phase(1, ("l1", 1), ("perceptual", 0.5), ("adversarial", 0.1)),
            Phase(1, ("l2", 1), ("adversarial", 0.1)) with { Trains = TrainedPart.Head, LearningRate = 5e-3, Beta1 = 0.5 });
        plan = plan with
        {
            Training = plan.Training with
            {
                Schedule = LearningRateSchedule.Cosine,
                Ema = new EmaOptions { Decay = 0.9, UpdateAfter = 2, UpdateEvery = 3 },
                Perceptual = new PerceptualOptions { Network = network, SliceFraction = 0.5 },
            },
            Compression = plan.Compression with { Crop = [6, 6, 8] },
        };
        using var straight = new CompressionRun();
        using var stopped = new CompressionRun();

        straight.Train(plan);
        Assert.Equal(RunState.TimeLimit, stopped.Train(plan, stopAfter: stopAfter).Status);
        Assert.Equal(RunState.Completed, stopped.Train(plan, resume: true).Status);

        var (a, b) = (straight.Latest.Manifest, stopped.Latest.Manifest);
        Assert.Equal(
            ["compressor", "discriminator", "discriminator_optimizer", "ema", "optimizer"],
            a.Files.Keys.Select(file => file.Split('.')[0]).Order());
        Assert.Equal(a.Files, b.Files); // sizes and hashes
        Assert.All(a.Random, stream => Assert.Equal(stream.Value, b.Random[stream.Key]));
        Assert.Equal(a.Best, b.Best);
        Assert.Equal(Numbers(straight), Numbers(stopped));

        static string[] Numbers(CompressionRun run) =>
            [
                .. run.Metrics.Select(
                    e => $"{e.Kind} {e.Step} {e.Loss:R} {e.LearningRate:R} {e.ValidationLoss:R} "
                        + $"{string.Join(' ', e.Measures!.Select(m => $"{m.Key}={m.Value:R}"))}"),
            ];
    }
}
