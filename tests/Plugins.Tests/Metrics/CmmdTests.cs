using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class CmmdTests
{
    // unit vectors at a right angle are √2 apart: MMD² = 2 − 2 exp(−1/σ²)
    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(0.5)]
    public void Two_directions_have_the_closed_form(double sigma)
    {
        using var scope = NewDisposeScope();
        var squared = 2 - 2 * Math.Exp(-1 / (sigma * sigma));

        var result = Cmmd(new() { Sigma = sigma }).Compute(Constant(4, 3, 0), Constant(6, 0, 0.2));

        Assert.Equal(Math.Sqrt(squared), result.Value, 1e-9);
        Assert.Equal(squared, result.Details["mmd2"], 1e-12);
        Assert.Equal(sigma, result.Details["sigma"]);
    }

    [Fact]
    public void Sigma_is_the_median_distance_of_different_features_by_default()
    {
        using var scope = NewDisposeScope();
        // distances: nothing within the sets, √2 between them
        Assert.Equal(Math.Sqrt(2), Cmmd().Compute(Constant(9, 1, 0), Constant(3, 0, 1)).Details["sigma"], 1e-9);
        // three directions with one feature each beside the first: √2 (0° to 90°), 2 (0° to 180°), √2 (90° to 180°)
        Assert.Equal(Math.Sqrt(2), Cmmd().Compute(Constant(2, 1, 0), tensor(new double[,] { { 0, 1 }, { -1, 0 } })).Details["sigma"], 1e-9);
    }

    [Fact]
    public void Sigma_is_at_least_a_tenth()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0.1, Cmmd().Compute(Constant(4, 1, 0), Constant(4, 1, 0.01)).Details["sigma"]);
        Assert.Equal(0.1, Cmmd().Compute(Constant(4, 1, 0), Constant(4, 1, 0)).Details["sigma"]);
    }

    [Fact]
    public void Sigma_comes_from_the_first_500_of_each_set()
    {
        using var scope = NewDisposeScope();
        var x = cat([Constant(500, 1, 0), Constant(300, 0, 1)]);
        Assert.Equal(0.1, Cmmd().Compute(x, x).Details["sigma"]);
    }

    // distances among (1, 0), (0, 1), (-1, 0): √2, √2, 2, whatever the generated features are
    [Fact]
    public void Sigma_that_is_fixed_by_the_real_set_is_the_same_for_all_generated_sets()
    {
        using var scope = NewDisposeScope();
        var real = FeatureSet.OneRowEach(tensor(new double[,] { { 1, 0 }, { 0, 1 }, { -1, 0 } }));
        var measured = ((SetMetric)Cmmd()).FixedBy(real);

        var results = new[] { Constant(4, 1, 0.01), Normal(30, 2), Normal(30, 2, 5) }
            .Select(generated => measured.Compare(real, FeatureSet.OneRowEach(generated))).ToArray();

        Assert.All(results, result => Assert.Equal((Math.Sqrt(2), "sigma 1.41421"), (result.Details["sigma"], result.Basis)));
        var chosen = (SetMetric)Cmmd(new() { Sigma = 3 });
        Assert.Equal((3.0, null), (chosen.FixedBy(real).Compare(real, real).Details["sigma"], chosen.Compare(real, real).Basis));
    }

    [Fact]
    public void Length_of_features_does_not_count()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(30, 4), Normal(20, 4, 1));
        Assert.Equal(Cmmd().Compute(x, y).Value, Cmmd().Compute(x * S(7.0), y * (rand(20, 1) + S(0.5))).Value, 1e-9);
    }

    [Fact]
    public void Vector_of_zeros_is_a_feature_like_another()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(
            Math.Sqrt(2 - 2 * Math.Exp(-0.5)), Cmmd(new() { Sigma = 1 }).Compute(Constant(4, 0, 0), Constant(4, 0, 1)).Value, 1e-9);
    }

    [Fact]
    public void Equal_distributions_are_near_and_shifted_ones_far()
    {
        using var scope = NewDisposeScope();
        manual_seed(31);
        var x = Normal(400, 8);
        var near = Cmmd().Compute(x, Normal(400, 8)).Value;
        Assert.InRange(near, 0, 0.05);
        Assert.True(Cmmd().Compute(x, Normal(400, 8, 1)).Value > 10 * near);
        Assert.Equal(0, Cmmd().Compute(x, x).Value); // the unbiased square is negative
    }

    [Fact]
    public void Larger_sets_are_cut_to_a_random_choice()
    {
        using var scope = NewDisposeScope();
        // in order, the first ten would all be alike
        var (x, y) = (cat([Constant(10, 1, 0), Constant(90, 0, 1)]), Constant(5, 1, 0));
        Assert.True(Cmmd(new() { MaxSamples = 10 }).Compute(x, y).Value > 0.1);
    }
}
