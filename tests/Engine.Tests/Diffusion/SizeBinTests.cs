using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Tests.Diffusion;

[Collection(Alone.Name)]
public sealed class SizeBinTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private ExperimentPlan Plan(SizeBinOptions bins, IArchitecture architecture, double dropout = 0)
    {
        var draft = TinyRun.Draft(cohort, architecture);
        return ExperimentPlan.Compose(draft with
        {
            Target = [ImageKinds.Seg],
            Condition = new ConditionOptions { SizeBins = bins, Dropout = dropout },
            Training = draft.Training with { BatchSize = 4, LearningRate = 0.05 },
        });
    }

    [Fact]
    public void Counts_of_a_batch_are_those_of_its_masks()
    {
        var plan = Plan(new SizeBinOptions(), new ModulatedArchitecture());
        using var batch = TinyRun.Volumes(plan, Cohort.Open(cohort.Path), Cohort.Train).Load(0, 1);

        // one box of 3 slices of 1 mm and 3 columns of 240/8 = 30 mm: √(2² + 60²) mm, the last bin
        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1], batch.SizeBins!.data<long>().ToArray());
    }

    [Fact]
    public void Film_has_the_papers_number_of_parameters()
    {
        using var plain = ConditioningNetwork.Create(new SizeBinOptions(), 0, 0, 128, META)!;
        using var improved = ConditioningNetwork.Create(new SizeBinOptions { Embedding = 64, Hidden = 512, Layers = 4 }, 0, 0, 128, META)!;
        using var omega = ConditioningNetwork.Create(null, 0, 36, 64, META)!;

        // tables 7·11·32, 224 → 256 → 256; tables 7·11·64, 448 → 512 (four) → 256; 36 → 64 → 64
        Assert.Equal(125_856, plain.parameters().Sum(p => p.numel()));
        Assert.Equal(1_154_112, improved.parameters().Sum(p => p.numel()));
        Assert.Equal(6_528, omega.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void Film_modulates_nothing_at_first_and_never_without_the_condition()
    {
        using var scope = NewDisposeScope();
        using var network = ConditioningNetwork.Create(new SizeBinOptions { Embedding = 2 }, 0, 0, 4, CPU)!;
        var counts = tensor(new long[] { 1, 0, 0, 0, 0, 2, 0, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0 }, [3, 7]);
        Assert.Equal(0, network.Modulation(counts, null, null, 3).Scale!.abs().max().ToDouble());
        using (no_grad())
        {
            foreach (var parameter in network.parameters())
                parameter.add_(ones_like(parameter));
        }

        var (scale, shift) = network.Modulation(counts, null, null, 3);
        Assert.Equal(0, scale![1].abs().max().ToDouble());
        Assert.Equal(0, shift![1].abs().max().ToDouble());
        Assert.True(scale[0].abs().max().ToDouble() > 0);
        // "no tumour" is a condition of its own
        Assert.True(scale[2].abs().max().ToDouble() > 0);
        Assert.True((scale[2] - scale[0]).abs().max().ToDouble() > 0);
    }

    [Fact]
    public void Count_beyond_ten_is_taken_for_ten()
    {
        using var scope = NewDisposeScope();
        using var network = ConditioningNetwork.Create(new SizeBinOptions { Embedding = 2 }, 0, 0, 4, CPU)!;
        using (no_grad())
        {
            foreach (var parameter in network.parameters())
                parameter.add_(ones_like(parameter));
        }

        Tensor Of(long count) => network.Modulation(tensor(new long[] { count, 0, 0, 0, 0, 0, 0 }, [1, 7]), null, null, 1).Scale!;
        Assert.Equal(0, (Of(10) - Of(25)).abs().max().ToDouble());
        Assert.True((Of(10) - Of(9)).abs().max().ToDouble() > 0);
    }

    [Fact]
    public void Training_moves_the_film_and_a_trained_model_has_it_back()
    {
        var scales = new List<double>();
        var plan = Plan(new SizeBinOptions(), new ModulatedArchitecture(c => scales.Add(c.Scale!.abs().max().item<float>())));
        using var run = new TinyRun();
        run.Train(plan);
        Assert.Equal(0, scales[0]);
        Assert.True(run.Component("conditioning")["size_bins.projection.2.bias"].Max(MathF.Abs) > 0);

        scales.Clear();
        run.Use(plan, (trained, volumes) =>
        {
            using var sample = volumes.Load(0);
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var (clean, condition) = trained.Model.Encode(sample);
            trained.Model.Predict(clean, tensor([500f]), condition);
            return 0;
        });
        Assert.True(scales[^1] > 0);
    }

    [Fact]
    public void Maps_are_tenths_of_the_counts_and_minus_one_without_the_condition()
    {
        var seen = new List<float[]>();
        var spy = new FormulaArchitecture((noisy, timesteps, conditioning, bias) =>
        {
            Assert.Equal([noisy.shape[0], 7L, 8L, 8L, 8L], conditioning.Image!.shape);
            seen.AddRange(conditioning.Image!.unbind(0).Select(maps => maps.mean([1, 2, 3]).data<float>().ToArray()));
            return zeros_like(noisy) + bias;
        });
        var plan = Plan(new SizeBinOptions { Through = SizeBinRoute.Maps }, spy, dropout: 0.5);
        Assert.Equal(8, plan.Shape.InputChannels);
        using var run = new TinyRun();
        run.Train(plan with { Training = plan.Training with { Epochs = 8 } }, validate: false);

        var known = new[] { 0, 0, 0, 0, 0, 0, 0.1f };
        Assert.All(
            seen, maps => Assert.True(maps.All(v => v == -1) || maps.Zip(known).All(pair => Math.Abs(pair.First - pair.Second) < 1e-6)));
        Assert.InRange(seen.Count(maps => maps[0] == -1), 4, 28); // of 32
    }

    [Fact]
    public void Film_on_a_denoiser_that_cannot_be_modulated_is_refused()
    {
        var plan = Plan(new SizeBinOptions(), new FormulaArchitecture((noisy, _, _, bias) => zeros_like(noisy) + bias));
        using var random = new RandomStreams(1);
        var refusal = Assert.Throws<PlanException>(() => PlanDescription.Of(plan, TinyRun.Context(plan, random)));
        Assert.Equal(("condition", "size_bins"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Film_options_beside_maps_are_refused()
    {
        var refusal = Assert.Throws<PlanException>(
            () => Plan(new SizeBinOptions { Through = SizeBinRoute.Maps, Embedding = 64 }, new ModulatedArchitecture()));
        Assert.Equal(("condition", "size_bins"), (refusal.Section, refusal.Key));
    }

    [Fact]
    public void Omega_reaches_the_embedding_as_a_shift_and_is_zero_outside_of_training()
    {
        var shifts = new List<(bool Training, double Largest)>();
        var draft = TinyRun.Draft(
            cohort, new ModulatedArchitecture(c => shifts.Add((is_grad_enabled(), c.Shift!.abs().max().item<float>()))));
        var plan = ExperimentPlan.Compose(draft with
        {
            Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new Telling(5))],
            Training = draft.Training with { Epochs = 1 },
        });
        using var run = new TinyRun();
        run.Train(plan);
        Assert.Equal(0, shifts[0].Largest);
        Assert.True(shifts[2].Largest > 0);
        var weights = run.Component("conditioning");
        Assert.True(weights["omega.2.weight"].Max(MathF.Abs) > 0);
        // without omega what is left of Linear, SiLU, Linear is its biases
        var hidden = weights["omega.0.bias"].Select(b => b / (1 + MathF.Exp(-b))).ToArray();
        var rest = Enumerable.Range(0, 4).Select(
            row => weights["omega.2.bias"][row] + Enumerable.Range(0, 4).Sum(i => weights["omega.2.weight"][4 * row + i] * hidden[i]));
        Assert.Equal(rest.Max(Math.Abs), shifts.Last(s => !s.Training).Largest, 1e-6);
    }
}
