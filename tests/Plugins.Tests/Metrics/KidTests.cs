using System.ComponentModel.DataAnnotations;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class KidTests
{
    private static readonly KidOptions All = new() { SubsetSize = "all" };

    [Fact]
    public void Value_of_whole_sets_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        var (real, generated, expected) = FromReference();
        Assert.Equal(expected.GetProperty("kid_all").GetDouble(), Kid(All).Compute(real, generated).Value, 1e-9);
    }

    // given the features, the mean over subsets is an unbiased estimate of the whole sets' value
    [Fact]
    public void Mean_over_subsets_tends_to_the_value_of_whole_sets()
    {
        using var scope = NewDisposeScope();
        var (real, generated, expected) = FromReference();
        var result = Kid(new() { Subsets = 2000, SubsetSize = "40" }).Compute(real, generated);
        var error = result.Details["std"] / Math.Sqrt(2000);
        Assert.InRange(
            result.Value, expected.GetProperty("kid_all").GetDouble() - 4 * error, expected.GetProperty("kid_all").GetDouble() + 4 * error);
    }

    // one vector in each set: (|a|²/2 + 1)³ + (|b|²/2 + 1)³ − 2(aᵀb/2 + 1)³
    [Fact]
    public void Constant_sets_have_the_closed_form_and_no_spread()
    {
        using var scope = NewDisposeScope();
        var result = Kid(new() { SubsetSize = "3" }).Compute(Constant(4, 2, 0), Constant(5, 1, 1));
        Assert.Equal(27 + 8 - 2 * 8, result.Value, 1e-9);
        Assert.Equal(0, result.Details["std"], 1e-9);
        Assert.Equal((50.0, 3.0), (result.Details["subsets"], result.Details["subset_size"]));
    }

    [Fact]
    public void No_feature_is_compared_with_itself()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor(new double[,] { { 1, 0 }, { -1, 0 } }), tensor(new double[,] { { 0, 1 }, { 0, -1 } }));
        // within each set (−1/2 + 1)³, between the sets 1
        Assert.Equal(2 * 0.125 - 2, Kid(All).Compute(x, y).Value, 1e-12);
    }

    [Fact]
    public void Equal_distributions_are_zero_apart_on_average()
    {
        manual_seed(21);
        double[] values = [.. Enumerable.Range(0, 200).Select(_ =>
        {
            using var scope = NewDisposeScope();
            return Kid(All with { Bootstrap = 20 }).Compute(Normal(20, 3), Normal(30, 3)).Value;
        })];
        var error = Math.Sqrt(values.Average(value => value * value) / values.Length);
        Assert.InRange(values.Average(), -4 * error, 4 * error);
        Assert.Contains(values, value => value < 0);
    }

    // of N(0, 1) and N(1, 1) in one dimension: Σ C(3, k) (E xᵏ − E yᵏ)² = 3 + 3 + 16
    [Fact]
    public void Intervals_cover_the_true_distance_as_often_as_they_say()
    {
        using var scope = NewDisposeScope();
        manual_seed(22);
        Assert.InRange(Intervals.Coverage(100, 22, () => Kid(All).Compute(Normal(300, 1), Normal(300, 1, 1))), 0.85, 1);
        Assert.InRange(
            Intervals.Coverage(50, 22, () => Kid(new() { Subsets = 5, SubsetSize = "50" }).Compute(Normal(300, 1), Normal(300, 1, 1))),
            0.84,
            1);
    }

    [Fact]
    public void Few_subsets_widen_the_interval()
    {
        using var scope = NewDisposeScope();
        var (real, generated, _) = FromReference();
        Assert.True(
            Width(Kid(new() { Subsets = 10, SubsetSize = "10" })) > 1.5 * Width(Kid(new() { Subsets = 500, SubsetSize = "10" })));

        double Width(Abstractions.Metric metric) =>
            metric.Compute(real, generated).Interval is var interval ? interval!.High - interval.Low : 0;
    }

    [Fact]
    public void Subsets_are_no_larger_than_the_smaller_set_and_say_so()
    {
        using var scope = NewDisposeScope();
        var result = Kid().Compute(Normal(30, 3), Normal(120, 3));
        Assert.Equal(30, result.Details["subset_size"]);
        Assert.Contains("they are of 30", Assert.Single(result.Warnings));
        Assert.Empty(Kid().Compute(Normal(100, 3), Normal(120, 3)).Warnings);
    }

    [Fact]
    public void Sets_beyond_one_block_of_the_kernel_matrix_are_compared_whole()
    {
        using var scope = NewDisposeScope();
        // halves of two constants: within the set 1050·1049·2 pairs of equals of 2100·2099, the rest unequal
        var x = cat([Constant(1050, 1), Constant(1050, -1)]);
        var equal = 2 * 1050.0 * 1049 / (2100.0 * 2099);
        Assert.Equal(8 * equal + 1 - 2, Kid(All with { Bootstrap = 20 }).Compute(x, Constant(3, 0)).Value, 1e-9);
    }

    [Theory]
    [InlineData("all", true)]
    [InlineData("2", true)]
    [InlineData("1000", true)]
    [InlineData("1", false)]
    [InlineData("0", false)]
    [InlineData("-5", false)]
    [InlineData("1.5", false)]
    [InlineData("half", false)]
    [InlineData("99999999999", false)]
    public void Subset_size_is_all_or_a_number(string size, bool allowed)
    {
        var errors = new List<ValidationResult>();
        var options = new KidOptions { SubsetSize = size };
        Assert.Equal(allowed, Validator.TryValidateObject(options, new ValidationContext(options), errors, true));
        Assert.All(errors, error => Assert.Contains("takes `all` or a whole number", error.ErrorMessage));
    }
}
