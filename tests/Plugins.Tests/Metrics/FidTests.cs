using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class FidTests
{
    [Fact]
    public void Value_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        var (real, generated, expected) = FromReference();
        Assert.Equal(expected.GetProperty("fid").GetDouble(), Fid().Compute(real, generated).Value, 1e-9);
    }

    [Fact]
    public void Diagonal_gaussians_have_the_closed_form()
    {
        using var scope = NewDisposeScope();
        double[] mean = [0.5, -1, 2, 0, 0.1], real = [1, 0.5, 2, 1e-3, 3], generated = [1.5, 0.5, 0.1, 2e-3, 30];
        var (x, y) = (Whitened(60, 5) * tensor(real), Whitened(80, 5) * tensor(generated) + tensor(mean));

        var expected = mean.Sum(m => m * m) + real.Zip(generated, (r, g) => (r - g) * (r - g)).Sum();

        Assert.Equal(expected, Fid().Compute(x, y).Value, 1e-9);
    }

    // of a 2×2 matrix M with positive eigenvalues, Tr M^½ = √(Tr M + 2√det M)
    [Fact]
    public void Covariances_that_do_not_commute_have_the_closed_form()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (tensor(new double[,] { { 2, 1 }, { 0, 0.5 } }), tensor(new double[,] { { 0.3, 0 }, { -1, 1.5 } }));
        var (x, y) = (Whitened(40, 2).matmul(a), Whitened(30, 2).matmul(b));
        var (real, generated) = (a.t().matmul(a), b.t().matmul(b));
        var product = real.matmul(generated);

        var root = Math.Sqrt(product.trace().ToDouble() + 2 * Math.Sqrt(linalg.det(product).ToDouble()));

        Assert.Equal(real.trace().ToDouble() + generated.trace().ToDouble() - 2 * root, Fid().Compute(x, y).Value, 1e-9);
    }

    // pairs ±a and ±b have covariances 2aaᵀ and 2bbᵀ, and Tr (4 aaᵀbbᵀ)^½ = 2|aᵀb|
    [Fact]
    public void Singular_covariances_have_the_closed_form_and_a_warning()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (tensor(new double[] { 1, 2, 0, 0, 1 }), tensor(new double[] { 0, -1, 3, 0, 1 }));

        var result = Fid().Compute(stack([a, -a]), stack([b, -b]));

        Assert.Equal(2 * 6 + 2 * 11 - 4 * 1, result.Value, 1e-9);
        Assert.Contains("2 feature vectors of 5 dimensions", Assert.Single(result.Warnings));
    }

    [Theory]
    [InlineData(5, 20, true)]
    [InlineData(20, 5, true)]
    [InlineData(6, 6, false)]
    public void Fewer_features_than_dimensions_in_either_set_are_warned_of(int real, int generated, bool warned)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(warned ? 1 : 0, Fid().Compute(Normal(real, 6), Normal(generated, 6)).Warnings.Count);
    }

    [Fact]
    public void Fewer_volumes_than_dimensions_are_warned_of_though_rows_are_many()
    {
        using var scope = NewDisposeScope();
        var few = new FeatureSet(Normal(60, 6), Enumerable.Range(0, 60).Select(row => (long)row / 12));
        var many = new FeatureSet(Normal(60, 6), Enumerable.Range(0, 60).Select(row => (long)row / 6));
        var fid = (SetMetric)Fid();
        Assert.Contains("feature vectors of 6 dimensions are of 5 volumes", Assert.Single(fid.Compare(few, many).Warnings));
        Assert.Empty(fid.Compare(many, many).Warnings);
    }

    [Theory]
    [InlineData(40, 6)]
    [InlineData(6, 40)]
    public void Distance_of_a_set_to_itself_is_zero(int n, int d)
    {
        using var scope = NewDisposeScope();
        var x = Normal(n, d);
        Assert.Equal(0, Fid().Compute(x, x).Value, 1e-9);
    }

    [Fact]
    public void Distance_is_symmetric_and_blind_to_rotation_and_order()
    {
        using var scope = NewDisposeScope();
        var (x, y, rotation) = (Normal(30, 4), Normal(25, 4, 0.5, 2), linalg.qr(Normal(4, 4)).Q);
        var expected = Fid().Compute(x, y).Value;
        Assert.Equal(expected, Fid().Compute(y, x).Value, 1e-9);
        Assert.Equal(expected, Fid().Compute(x.matmul(rotation), y.matmul(rotation)).Value, 1e-9);
        Assert.Equal(expected, Fid().Compute(x.flip(0), y).Value, 1e-9);
    }

    // N(0, 1) and N(1, 1) are 1 apart
    [Fact]
    public void Interval_covers_the_true_distance_as_often_as_it_says()
    {
        using var scope = NewDisposeScope();
        manual_seed(11);
        Assert.InRange(Intervals.Coverage(100, 1, () => Fid().Compute(Normal(200, 1), Normal(200, 1, 1))), 0.85, 1);
    }

    [Fact]
    public void Bias_is_larger_where_features_are_few()
    {
        using var scope = NewDisposeScope();
        manual_seed(12);
        var few = Fid().Compute(Normal(20, 8), Normal(20, 8)).Details["bias"];
        var many = Fid().Compute(Normal(2000, 8), Normal(2000, 8)).Details["bias"];
        Assert.True(few > 10 * many && many > 0, $"{few} with 20 features, {many} with 2000");
    }
}
