using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Training;

/// <summary>
/// The oracle is off by its bias b alone, so its loss is b², its gradient 2b, and the first step of AdamW moves it by the learning rate.
/// </summary>
[Collection(Alone.Name)]
public sealed class TrainingOptionTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private const double Bias = 0.5, LearningRate = 0.01;

    private ExperimentPlan Plan(Func<TrainingOptions, TrainingOptions>? training = null, IArchitecture? architecture = null)
    {
        var plan = TinyRun.Plan(cohort, architecture);
        return plan with { Training = (training ?? (t => t))(plan.Training) };
    }

    [Fact]
    public void Step_has_the_loss_the_gradient_and_the_update_of_the_closed_form()
    {
        using var run = new TinyRun();
        run.Train(Plan(), stopAfter: 1);
        var step = Assert.Single(run.Metrics);
        Assert.Equal(Bias * Bias, step.Loss, 1e-4);
        Assert.Equal(2 * Bias, step.GradientNorm, 1e-4);
        Assert.Equal(Bias - LearningRate, run.Scalar("denoiser", "bias"), 1e-5);
    }

    [Fact]
    public void Epoch_has_the_mean_of_its_steps()
    {
        using var run = new TinyRun();
        run.Train(Plan());
        var epoch = run.Metrics.First(e => e.Kind == "epoch");
        Assert.Equal(run.Steps.Take(4).Average(s => s.Loss), epoch.Loss, 12);
        Assert.Equal(run.Steps.Take(4).Average(s => s.GradientNorm), epoch.GradientNorm, 12);
    }

    [Fact]
    public void Validation_of_the_oracle_is_its_bias_squared()
    {
        using var run = new TinyRun();
        run.Train(Plan());
        var bias = run.Scalar("denoiser", "bias");
        Assert.Equal(bias * bias, run.Metrics[^1].ValidationLoss!.Value, 1e-4);
    }

    [Fact]
    public void Gradient_clip_scales_the_gradient_and_reports_the_norm_before()
    {
        using var run = new TinyRun();
        run.Train(Plan(t => t with { GradientClipNorm = 0.25 }), stopAfter: 1);
        Assert.Equal(2 * Bias, run.Steps[0].GradientNorm, 1e-4);
        Assert.Equal((1 - 0.9) * 0.25, run.Scalar("optimizer", "bias.exp_avg"), 1e-6);
    }

    [Fact]
    public void Betas_are_those_of_the_moments()
    {
        using var run = new TinyRun();
        run.Train(Plan(t => t with { Beta1 = 0.5, Beta2 = 0.75 }), stopAfter: 1);
        Assert.Equal((1 - 0.5) * 2 * Bias, run.Scalar("optimizer", "bias.exp_avg"), 1e-4);
        Assert.Equal((1 - 0.75) * 4 * Bias * Bias, run.Scalar("optimizer", "bias.exp_avg_sq"), 1e-4);
    }

    [Fact]
    public void Weight_decay_shrinks_the_weight_by_its_part_of_the_learning_rate()
    {
        using var run = new TinyRun();
        run.Train(Plan(t => t with { WeightDecay = 0.2 }), stopAfter: 1);
        Assert.Equal(Bias * (1 - LearningRate * 0.2) - LearningRate, run.Scalar("denoiser", "bias"), 1e-5);
    }

    [Fact]
    public void Loss_weight_of_the_strategy_multiplies_the_loss()
    {
        using var run = new TinyRun();
        var plan = Plan();
        run.Train(plan with { Strategy = plan.Strategy with { Options = new StraightOptions { Weight = 3 } } }, stopAfter: 1);
        Assert.Equal(3 * Bias * Bias, run.Steps[0].Loss, 1e-3);
    }

    [Fact]
    public void Augmentation_adds_its_terms_with_their_weights()
    {
        using var run = new TinyRun();
        run.Train(Plan() with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(0.5))] }, stopAfter: 1);
        Assert.Equal(1.5 * Bias * Bias, run.Steps[0].Loss, 1e-3);
    }

    [Fact]
    public void Augmentations_apply_in_turn_to_all_terms()
    {
        using var run = new TinyRun();
        var twice = TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(2));
        run.Train(
            Plan() with { Augmentations = [twice, TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(0.25))] }, stopAfter: 1);
        Assert.Equal((1 + 0.25 + 2 + 0.25) * Bias * Bias, run.Steps[0].Loss, 1e-3);
    }

    [Fact]
    public void Batch_takes_the_mean_over_its_samples_and_fewer_steps()
    {
        using var run = new TinyRun();
        run.Train(Plan(t => t with { BatchSize = 2, Epochs = 1 }));
        Assert.Equal(2, run.Steps.Count);
        Assert.Equal(Bias * Bias, run.Steps[0].Loss, 1e-4);
    }

    [Fact]
    public void Batch_samples_have_their_own_timesteps()
    {
        var seen = new List<float[]>();
        var spy = new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            seen.Add([.. timesteps.data<float>()]);
            return FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
        });
        using var run = new TinyRun();
        run.Train(Plan(t => t with { BatchSize = 4 }, spy), stopAfter: 1, validate: false);
        Assert.Equal(4, seen[0].Distinct().Count());
    }

    [Fact]
    public void Batch_larger_than_the_split_is_refused_by_key()
    {
        using var run = new TinyRun();
        var refusal = Assert.Throws<PlanException>(() => run.Train(Plan(t => t with { BatchSize = 5 })));
        Assert.Equal(("training", "batch_size"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Padding_slices_are_left_out_of_the_loss()
    {
        // wrong by 100 wherever the volume is padded
        var wrong = new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            var answer = FormulaArchitecture.Truth(noisy, timesteps, conditioning, bias);
            var padding = torch.zeros_like(answer);
            padding.narrow(2, TinyCohort.RealSlices, 8 - TinyCohort.RealSlices).fill_(S(100.0));
            return answer + padding;
        });
        using var run = new TinyRun();
        run.Train(Plan(architecture: wrong), stopAfter: 4);
        Assert.Equal(Bias * Bias, run.Steps[0].Loss, 1e-4);
        Assert.InRange(run.Metrics[^1].ValidationLoss!.Value, 0, 1);
    }

    [Fact]
    public void Average_copies_the_weights_and_then_follows_them()
    {
        // constant gradients would not do: the bias moves by the learning rate each step and the average lags behind
        using var run = new TinyRun();
        run.Train(Plan(t => t with { Ema = new EmaOptions { Decay = 0.5, UpdateAfter = 1, UpdateEvery = 1 }, Epochs = 1 }), stopAfter: 2);
        var copied = run.Scalar("ema", "bias");
        Assert.Equal(run.Scalar("denoiser", "bias"), copied);

        run.Train(
            Plan(t => t with { Ema = new EmaOptions { Decay = 0.5, UpdateAfter = 1, UpdateEvery = 1 }, Epochs = 1 }),
            resume: true,
            stopAfter: 3);
        var decay = Math.Min(0.5, 1 - Math.Pow(2, -2.0 / 3)); // ema_pytorch's warm-up at the first averaged step
        Assert.Equal(decay * copied + (1 - decay) * run.Scalar("denoiser", "bias"), run.Scalar("ema", "bias"), 1e-6);
    }

    [Fact]
    public void Average_is_what_is_validated()
    {
        using var run = new TinyRun();
        run.Train(Plan(t => t with { Ema = new EmaOptions { Decay = 0.9, UpdateAfter = 0, UpdateEvery = 1 } }));
        var (average, online) = (run.Scalar("ema", "bias"), run.Scalar("denoiser", "bias"));
        Assert.True(Math.Abs(average * average - online * online) > 1e-3);
        Assert.Equal(average * average, run.Metrics[^1].ValidationLoss!.Value, 1e-4);
    }

    [Theory]
    [InlineData(Precision.Float32, torch.ScalarType.Float32)]
    [InlineData(Precision.Bfloat16, torch.ScalarType.BFloat16)]
    public void Precision_is_that_of_the_convolutions(Precision precision, torch.ScalarType expected)
    {
        var seen = new List<torch.ScalarType>();
        var architecture = new ConvArchitecture(answer => seen.Add(answer.dtype));
        using var run = new TinyRun();
        run.Train(Plan(t => t with { Precision = precision, Epochs = 1 }, architecture));
        Assert.All(seen, dtype => Assert.Equal(expected, dtype));
        using var weights = run.Latest.Read("denoiser");
        Assert.All(weights.Values, weight => Assert.Equal(torch.ScalarType.Float32, weight.dtype));
    }

    [Fact]
    public void Learning_rate_of_each_step_is_that_of_its_epoch()
    {
        using var run = new TinyRun();
        var plan = Plan(t => t with { Epochs = 3, WarmupEpochs = 2, Schedule = LearningRateSchedule.Cosine });
        run.Train(plan);
        Assert.All(run.Steps, step => Assert.Equal(Engine.Training.LearningRate.At(plan.Training, step.Epoch), step.LearningRate));
        Assert.Equal(3, run.Steps.Select(s => s.LearningRate).Distinct().Count());
    }
}
