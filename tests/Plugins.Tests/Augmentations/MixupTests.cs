using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Augmentations;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Augmentations;

public sealed class MixupTests
{
    private static readonly VolumeShape Cube = new(1, 2, 2, 2);

    private static Augmentation Mixup(MixupOptions options) =>
        ((IAugmentation<MixupOptions>)new MixupAugmentation()).Create(options, new DiffusionShape(Cube, Cube, 1), Contexts.Cpu);

    /// <summary>Weights λ that were drawn for each sample of batches of a black and a white volume.</summary>
    private static double[] Weights(double alpha, int steps)
    {
        using var random = new Generator(1, CPU);
        var mixup = Mixup(new MixupOptions { Alpha = alpha });
        var weights = new List<double>();
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var clean = mixup.Apply(Terms.Of(stack([zeros(1, 1, 1, 1), ones(1, 1, 1, 1)])), Terms.Flow, random)
                .Single().Clean.data<float>().ToArray();
            weights.AddRange([1 - clean[0], clean[1]]);
        }

        return [.. weights];
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    [InlineData(8)]
    public void Weights_have_mean_and_variance_of_the_beta_law(double alpha)
    {
        var weights = Weights(alpha, 2000);
        Assert.Equal(0.5, weights.Average(), 0.02);
        Assert.Equal(1, weights.Average(weight => Math.Pow(weight - 0.5, 2)) * 4 * (2 * alpha + 1), 0.06);
    }

    // Beta(1, 1) is uniform; of Beta(2, 2) a share of 3q² − 2q³ lies below q
    [Theory]
    [InlineData(1, 0.1, 0.1)]
    [InlineData(1, 0.7, 0.7)]
    [InlineData(2, 0.2, 0.104)]
    [InlineData(2, 0.9, 0.972)]
    public void Weights_have_the_quantiles_of_the_beta_law(double alpha, double below, double share) =>
        Assert.Equal(share, Weights(alpha, 1000).Average(weight => weight < below ? 1.0 : 0), 0.04);

    [Fact]
    public void Weights_of_the_least_alpha_are_numbers_at_both_ends()
    {
        var weights = Weights(0.01, 500);
        Assert.All(weights, weight => Assert.InRange(weight, 0, 1));
        Assert.True(weights.Count(weight => weight < 1e-6) > 300 && weights.Count(weight => weight > 1 - 1e-6) > 300);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Each_sample_and_its_condition_are_mixed_with_another_and_keep_their_noise_and_time(int batch)
    {
        using var random = new Generator(1, CPU);
        var mixup = Mixup(new MixupOptions { Alpha = 1 });
        for (var step = 0; step < 20; step++)
        {
            using var scope = NewDisposeScope();
            // the k-th volume has a 1 in its k-th voxel, so that a mixture shows what it was made of
            var term = Terms.Of(eye(batch, 8).view(batch, 1, 2, 2, 2));
            term = term with { Condition = term.Clean * S(3.0) };
            var mixed = mixup.Apply(term, Terms.Flow, random).Single();

            Assert.Same(term.Noise, mixed.Noise);
            Assert.Same(term.Timesteps, mixed.Timesteps);
            Terms.AssertConsistent(mixed);
            Assert.True(Reference.Difference(mixed.Condition!, mixed.Clean * S(3.0)) < 1e-6);
            for (var k = 0; k < batch; k++)
            {
                var parts = mixed.Clean[k].data<float>().ToArray();
                Assert.Equal(1, parts.Sum(), 1e-5);
                Assert.Equal(2, parts.Count(part => part != 0));
                Assert.NotEqual(0, parts[k]);
            }
        }
    }

    [Fact]
    public void Condition_that_is_not_there_stays_away()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        Assert.Null(
            Mixup(new MixupOptions())
                .Apply(Terms.Of(randn(Cube.Batch(2))) with { Condition = null }, Terms.Flow, random).Single().Condition);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(1)]
    public void Share_of_mixed_steps_is_the_probability(double probability)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var (mixup, term) = (Mixup(new MixupOptions { Probability = probability }), Terms.Of(randn(Cube.Batch(2))));
        Assert.Equal(
            probability, Enumerable.Range(0, 500).Count(_ => mixup.Apply(term, Terms.Flow, random).Single() != term) / 500.0, 0.07);
    }

    [Fact]
    public void Batch_of_one_stays_as_it_is_and_the_augmentation_says_that_it_needs_more()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var (mixup, term) = (Mixup(new MixupOptions()), Terms.Of(randn(Cube.Batch(1))));
        Assert.Same(term, mixup.Apply(term, Terms.Flow, random).Single());
        Assert.True(mixup.MixesSamples);
    }

    [Fact]
    public void Weights_of_voxels_are_mixed_as_the_samples_are()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var clean = rand([3, 1, 2, 2, 2]);

        var mixed = Mixup(new MixupOptions()).Apply(Terms.Of(clean) with { VoxelWeights = clean * S(2.5) }, Terms.Flow, random).Single();

        Assert.True(Reference.Difference(mixed.Clean, clean) > 1e-2);
        Assert.True(Reference.Difference(mixed.VoxelWeights!, mixed.Clean * S(2.5)) < 1e-6);
    }
}
