using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>
/// Coefficients of a channel: 0 the mean; 1–7 bands of scale 1 (W, H, HW, D, DW, DH, DHW); 8–34 second order from scale 1;
/// 35–41 bands of scale 2; 42–59; 60–66 bands of scale 3; 67–75; 76–82 bands of scale 4.
/// </summary>
public sealed class WaveletScatteringTests
{
    private const int Count = 83;

    /// <summary>Coefficients of the first volume: features without the logarithm.</summary>
    private static double[] Coefficients(Tensor volumes) =>
        [.. (new WaveletScattering(CPU).Rows(volumes)[0].exp() - S(1e-3)).to(ScalarType.Float64).data<double>()];

    private static void AssertOnly(double[] coefficients, params (int Index, double Value)[] expected)
    {
        Assert.Equal(Count, coefficients.Length);
        var values = expected.ToDictionary(item => item.Index, item => item.Value);
        Assert.All(coefficients.Index(), item => Assert.Equal(values.GetValueOrDefault(item.Index), item.Item, 1e-5));
    }

    /// <summary>A volume of 16 voxels a side that repeats a pattern along one axis (0 is D).</summary>
    private static Tensor Along(int axis, params float[] pattern)
    {
        var shape = new long[] { 1, 1, 1, 1, 1 };
        shape[axis + 2] = 16;
        return tensor(pattern).repeat(16 / pattern.Length).view(shape).expand([1, 1, 16, 16, 16]);
    }

    [Fact]
    public void Constant_volume_has_a_mean_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        AssertOnly(Coefficients(full([1, 1, 16, 20, 24], S(0.3))), (0, 0.3));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public void Finest_stripes_are_in_the_first_band_of_their_axis_alone(int axis, int band)
    {
        using var scope = NewDisposeScope();
        AssertOnly(Coefficients(Along(axis, 0, 1)), (0, 0.5), (band, 0.5));
    }

    // neighbours differ at every other place; of blocks of two, all neighbours do
    [Fact]
    public void Stripes_of_two_voxels_are_in_the_second_scale_and_half_in_the_first()
    {
        using var scope = NewDisposeScope();
        AssertOnly(Coefficients(Along(2, 0, 0, 1, 1)), (0, 0.5), (1, 0.25), (35, 0.5));
    }

    [Fact]
    public void Stripes_of_eight_voxels_are_in_the_coarsest_scale_in_full()
    {
        using var scope = NewDisposeScope();
        var coefficients = Coefficients(Along(1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        // first neighbours differ at 2 of 16 places, then at 2 of 8, 2 of 4, 2 of 2
        Assert.Equal(
            [0.0625, 0.125, 0.25, 0.5],
            [coefficients[2], coefficients[36], coefficients[61], coefficients[77]],
            (a, b) => Math.Abs(a - b) < 1e-5);
    }

    // Stripes along W that come and go along H. At scale 1 the W band has moduli 0, ¼, ½, ¼ and the H band 0, ¼, 0, ¼ along H;
    // their sum 0, ½, ½, ½ has the block means ¼ and ½, whose half difference is ⅛.
    [Fact]
    public void Uneven_spread_of_edges_is_a_coefficient_of_second_order()
    {
        using var scope = NewDisposeScope();
        var coefficients = Coefficients(Along(2, 0, 1) * Along(1, 0, 0, 1, 1));
        Assert.Equal(0.25, coefficients[1], 1e-5);
        Assert.Equal(0.125, coefficients[2], 1e-5);
        Assert.Equal(0.125, coefficients[8], 1e-5);
    }

    [Fact]
    public void Shift_by_eight_voxels_changes_nothing()
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 1, 32, 24, 16]);
        Assert.Equal(0, Reference.Difference(Rows(x.roll([8, -8, 8], [2, 3, 4])), Rows(x)), 1e-5);
        static Tensor Rows(Tensor volumes) => new WaveletScattering(CPU).Rows(volumes);
    }

    [Fact]
    public void Channels_and_volumes_are_described_one_by_one()
    {
        using var scope = NewDisposeScope();
        var x = rand([3, 2, 16, 16, 16]);
        var rows = new WaveletScattering(CPU).Rows(x);
        Assert.Equal([3, 2 * Count], rows.shape);
        Assert.True(rows[2, Count..].eq(new WaveletScattering(CPU).Rows(x[2..3, 1..2])[0]).all().item<bool>());
    }

    [Fact]
    public void Fid_of_volumes_names_the_extractor_and_grows_with_noise()
    {
        using var scope = NewDisposeScope();
        manual_seed(51);
        var x = rand([6, 1, 2, 2, 2]).repeat_interleave(8, 2).repeat_interleave(8, 3).repeat_interleave(8, 4);
        var metric = Fid(new() { Extractor = "scattering", Bootstrap = 20 });

        var (slight, strong) = (metric.Compute(x, Noisy(0.01)), metric.Compute(x, Noisy(0.1)));

        Assert.Equal(MetricInputKind.Volumes, metric.Needs);
        Assert.Equal("scattering (3-D Haar, 4 scales, log; version 1)", strong.Extractor);
        Assert.Equal(Count, strong.Details["dimensions"]);
        Assert.Contains("6 feature vectors of 83 dimensions", Assert.Single(strong.Warnings));
        Assert.True(0 < slight.Value && slight.Value < strong.Value);

        Tensor Noisy(double deviation) => (x + randn_like(x) * S(deviation)).clamp(S(0.0), S(1.0));
    }

    [Fact]
    public void Volumes_of_different_sizes_are_compared_with_a_warning()
    {
        using var scope = NewDisposeScope();
        var result = Kid(new() { Extractor = "scattering", SubsetSize = "all" })
            .Compute(rand([2, 1, 16, 16, 16]), rand([3, 1, 20, 16, 16]));
        Assert.Contains("[2, 1, 16, 16, 16]", Assert.Single(result.Warnings));
    }

    [Fact]
    public void Volumes_that_it_cannot_describe_are_refused()
    {
        using var scope = NewDisposeScope();
        var x = rand([2, 1, 16, 16, 16]);
        Refused("smallest side has 15 voxels; the extractor `scattering` has 4 scales and needs 16", x, rand([2, 1, 16, 15, 16]));
        Refused("the generated set is [2, 5], expected volumes", x, rand(2, 5));
        Refused("83 dimensions and generated ones 166", x, rand([2, 2, 16, 16, 16]));
        Refused("not finite", x, x * S(double.NaN));

        static void Refused(string sentence, Tensor real, Tensor generated) => Assert.Contains(
            sentence, Assert.Throws<ArgumentException>(() => Cmmd(new() { Extractor = "scattering" }).Compute(real, generated)).Message);
    }
}
