using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Augmentations;
using VoxelZoo.Plugins.RFlow;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Augmentations;

public sealed class SdaTests
{
    private static readonly VolumeShape Cube = new(1, 4, 6, 6);

    private static readonly NoiseProcess Flow =
        ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(new RFlowOptions(), new DiffusionShape(Cube, Cube, 1), Contexts.Cpu);

    private static Augmentation Sda(SdaOptions options, VolumeShape? grid = null) =>
        ((IAugmentation<SdaOptions>)new SdaAugmentation()).Create(options, new DiffusionShape(grid ?? Cube, grid ?? Cube, 1), Contexts.Cpu);

    private static TrainingTerm Term(double t, VolumeShape? grid = null)
    {
        var shape = (grid ?? Cube).Batch(1);
        var (clean, noise, timesteps) = (randn(shape), randn(shape), full(1, S(t), ScalarType.Float32));
        return new TrainingTerm
        {
            Clean = clean,
            Noise = noise,
            Timesteps = timesteps,
            Noisy = Flow.AddNoise(clean, noise, timesteps),
            Target = Flow.Target(clean, noise, timesteps),
            Condition = clean.clone(),
        };
    }

    [Fact]
    public void Transform_commutes_with_noising_and_with_the_target()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var sda = Sda(new SdaOptions { Probability = 1 });
        var term = Term(300);
        // the condition goes through the same transform, so it shows what the transform makes of any tensor
        var noised = term with { Condition = Flow.AddNoise(term.Clean, term.Noise, tensor([400f])) };
        var target = term with { Condition = term.Target };
        for (var draw = 0; draw < 20; draw++)
        {
            var first = sda.Apply(noised, Flow, random)[1];
            Assert.Equal(0, Reference.Difference(first.Noisy, first.Condition!));
            var second = sda.Apply(target, Flow, random)[1];
            Assert.Equal(0, Reference.Difference(second.Target, second.Condition!));
        }
    }

    [Theory]
    [InlineData(300, 0.1, 400)]
    [InlineData(300, 0, 300)]
    [InlineData(950, 0.1, 1000)]
    public void Shifted_term_is_noisier_by_the_shift_but_never_beyond_pure_noise(double t, double shift, double expected)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var terms = Sda(new SdaOptions { Probability = 1, NoiseShift = shift }).Apply(Term(t), Flow, random);
        Assert.Equal(expected, terms[1].Timesteps.item<float>(), 1e-3);
    }

    [Fact]
    public void Own_term_stays_first_and_as_it_was()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var term = Term(300) with { Weight = 0.5 };
        var terms = Sda(new SdaOptions { Probability = 1, Weight = 3 }).Apply(term, Flow, random);
        Assert.Same(term, terms[0]);
        Assert.Equal(1.5, terms[1].Weight);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(1)]
    public void Share_of_steps_with_a_shifted_term_is_the_probability(double probability)
    {
        using var random = new Generator(1, CPU);
        using var scope = NewDisposeScope();
        var (sda, term) = (Sda(new SdaOptions { Probability = probability }), Term(300));
        var shifted = Enumerable.Range(0, 500).Count(_ => sda.Apply(term, Flow, random).Count == 2);
        Assert.Equal(probability, shifted / 500.0, 0.07);
    }

    [Theory]
    [InlineData(true, true, 6)]
    [InlineData(true, false, 3)]
    [InlineData(false, true, 3)]
    public void Enabled_transforms_all_occur_and_none_is_the_identity(bool rotation, bool flip, int expected)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var (sda, term) = (Sda(new SdaOptions { Probability = 1, Rotation = rotation, Flip = flip }), Term(300));
        var original = string.Join(' ', term.Clean.data<float>().ToArray());
        var seen = Enumerable.Range(0, 100)
            .Select(_ => string.Join(' ', sda.Apply(term, Flow, random)[1].Clean.contiguous().data<float>().ToArray()))
            .ToHashSet();
        Assert.Equal(expected, seen.Count);
        Assert.DoesNotContain(original, seen);
    }

    [Fact]
    public void Quarter_turn_of_a_plane_that_is_not_square_is_refused()
    {
        var grid = new VolumeShape(1, 4, 6, 8);
        Assert.Equal("rotation", Assert.Throws<PlanException>(() => Sda(new SdaOptions(), grid)).Key);
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var terms = Sda(new SdaOptions { Probability = 1, Rotation = false }, grid).Apply(Term(300, grid), Flow, random);
        Assert.Equal(grid.Batch(1), terms[1].Noisy.shape);
    }

    [Fact]
    public void Neither_rotation_nor_flip_is_refused() =>
        Assert.Throws<PlanException>(() => Sda(new SdaOptions { Rotation = false, Flip = false }));
}
