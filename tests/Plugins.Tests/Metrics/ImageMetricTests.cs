using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class ImageMetricTests
{
    private static Metric Psnr(PsnrOptions? options = null) =>
        ((IMetric<PsnrOptions>)new PsnrMetric()).Create(options ?? new(), Contexts.Cpu);

    private static Metric Ssim(SsimOptions? options = null) =>
        ((IMetric<SsimOptions>)new SsimMetric()).Create(options ?? new(), Contexts.Cpu);

    private static Metric MsSsim(MsSsimOptions? options = null) =>
        ((IMetric<MsSsimOptions>)new MsSsimMetric()).Create(options ?? new(), Contexts.Cpu);

    public static TheoryData<string, Metric> ReferenceMetrics => new()
    {
        { "psnr", Psnr() },
        { "ssim_window11_sigma1.5", Ssim() },
        { "ms_ssim_weights3_window7_sigma1.5", MsSsim(new() { Window = 7, Weights = [0.2, 0.3, 0.5] }) },
    };

    [Theory]
    [MemberData(nameof(ReferenceMetrics), DisableDiscoveryEnumeration = true)]
    public void Values_agree_with_the_reference_implementation(string name, Metric metric)
    {
        using var scope = NewDisposeScope();
        using var volumes = Reference.Tensors("metrics.io.safetensors");
        var expected = Reference.Json("metrics.json").GetProperty(name).EnumerateArray().Select(value => value.GetDouble()).ToArray();

        var result = metric.Compute(volumes["reference"], volumes["generated"]);

        Assert.Equal(expected.Length, result.Values.Count);
        Assert.All(expected.Zip(result.Values), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * pair.First));
        Assert.Equal(expected.Average(), result.Value, 1e-5 * expected[0]);
    }

    /// <summary>Without variance the contrast factor is 1, and what is left is the luminance factor.</summary>
    [Theory]
    [InlineData(1, 0.99)]
    [InlineData(0.9, 0.95)]
    [InlineData(0.3, 0.7)]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    public void Similarity_of_constant_volumes_is_its_closed_form(double a, double b)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (full(new long[] { 1, 1, 24, 24, 24 }, S(a)), full(new long[] { 1, 1, 24, 24, 24 }, S(b)));
        var expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4);

        Assert.Equal(expected, Ssim().Compute(x, y).Value, 1e-6);
        Assert.Equal(Math.Sqrt(expected), MsSsim(new() { Window = 7 }).Compute(x, y).Value, 1e-6);
    }

    [Fact]
    public void Similarity_never_exceeds_1_on_a_high_and_nearly_flat_background()
    {
        using var scope = NewDisposeScope();
        var x = ones(new long[] { 1, 1, 16, 16, 16 }) + rand([1, 1, 16, 16, 16]) * S(1e-4);
        var shifted = Ssim(new() { Window = 7 }).Compute(x, x + S(1e-3)).Value;
        Assert.InRange(shifted, 0.999, 1.0);
    }

    private static Tensor Constant(double value, ScalarType? type = null) =>
        full(new long[] { 1, 1, 24, 24, 24 }, S(value), type ?? float32);

    [Fact]
    public void Squared_error_of_intensities_whose_squares_float32_does_not_hold_is_its_closed_form()
    {
        using var scope = NewDisposeScope();
        var metric = ((IMetric<MseOptions>)new MseMetric()).Create(new(), Contexts.Cpu);
        Assert.Equal(4e60, metric.Compute(Constant(1e30), Constant(-1e30)).Value, 1e54);
        Assert.Equal(1e100, metric.Compute(Constant(1e50, float64), Constant(0)).Value, 1e90);
    }

    [Fact]
    public void Intensities_beyond_what_can_be_computed_with_are_refused()
    {
        using var scope = NewDisposeScope();
        foreach (var metric in new[] { ((IMetric<MseOptions>)new MseMetric()).Create(new(), Contexts.Cpu), Ssim() })
        {
            Assert.Equal(
                "the intensities of volume 0 are too large to compute with: they reach 1E+200; "
                    + "rescale reference and generated alike, best to 0 … 1",
                Assert.Throws<ArgumentException>(() => metric.Compute(Constant(-1e200, float64), Constant(1, float64))).Message);
        }
    }

    [Fact]
    public void Clamped_intensities_are_counted()
    {
        using var scope = NewDisposeScope();
        var x = Constant(0.5);
        x[0, 0, 0, 0, 0] = tensor(1.5f);
        x[0, 0, 0, 0, 1] = tensor(-3f);
        Assert.StartsWith(
            "2 of the 13824 intensities of generated lie outside 0 to 1, where they are clamped to: they run from -3 to 1.5",
            Assert.Single(Psnr().Compute(Constant(0.5), x).Warnings));
        Assert.Empty(Psnr().Compute(Constant(0), Constant(1)).Warnings);
    }

    [Fact]
    public void Intensities_that_span_more_than_the_data_range_are_named()
    {
        using var scope = NewDisposeScope();
        var x = Constant(-1);
        x[0, 0, 0, 0, 0] = tensor(1f);
        Assert.StartsWith(
            "the intensities of reference run from -1 to 1, further than the data_range of 1",
            Assert.Single(Ssim().Compute(x, Constant(0)).Warnings));
        Assert.Single(MsSsim(new() { Window = 7 }).Compute(x, Constant(0)).Warnings);
        Assert.Empty(Ssim(new() { DataRange = 2 }).Compute(x, Constant(0)).Warnings);
    }

    public static TheoryData<Metric> All =>
    [
        Psnr(),
        Ssim(),
        MsSsim(),
        ((IMetric<MseOptions>)new MseMetric()).Create(new(), Contexts.Cpu),
        ((IMetric<MaskOptions>)new DiceMetric()).Create(new(), Contexts.Cpu),
        ((IMetric<MaskOptions>)new IouMetric()).Create(new(), Contexts.Cpu),
    ];

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Values_that_are_not_finite_are_refused_with_their_count(Metric metric)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (zeros(new long[] { 1, 1, 24, 24, 24 }), zeros(new long[] { 1, 1, 24, 24, 24 }));
        y[0, 0, 1, 2, 3] = tensor(float.NaN);
        y[0, 0, 1, 2, 4] = tensor(float.PositiveInfinity);

        Assert.Equal(
            "of `generated`, 2 of 13824 values are not finite numbers (1 NaN, 1 infinite)",
            Assert.Throws<ArgumentException>(() => metric.Compute(x, y)).Message);
        Assert.StartsWith("of `reference`, ", Assert.Throws<ArgumentException>(() => metric.Compute(y, x)).Message);
    }

    public static TheoryData<Metric, double> Perfect => new() { { Psnr(), 100 }, { Ssim(), 1 }, { MsSsim(), 1 } };

    [Theory]
    [MemberData(nameof(Perfect), DisableDiscoveryEnumeration = true)]
    public void Equal_volumes_have_the_best_value(Metric metric, double best)
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 2, 24, 26, 22]);
        Assert.Equal(best, metric.Compute(x, x).Value, 1e-6);
    }

    [Fact]
    public void Psnr_of_a_constant_error_is_its_closed_form()
    {
        using var scope = NewDisposeScope();
        var x = full(new long[] { 1, 1, 4, 4, 4 }, S(0.5));
        Assert.Equal(20, Psnr().Compute(x, x + S(0.1)).Value, 1e-4);
        Assert.Equal(20 + 20 * Math.Log10(2), Psnr(new() { DataRange = 2 }).Compute(x, x + S(0.1)).Value, 1e-4);
    }

    [Fact]
    public void Psnr_clamps_to_the_range_first()
    {
        using var scope = NewDisposeScope();
        var x = ones([1, 1, 4, 4, 4]);
        Assert.Equal(100, Psnr().Compute(x, x * S(7.0)).Value);
    }

    [Fact]
    public void Ssim_of_two_constants_is_the_luminance_factor_alone()
    {
        using var scope = NewDisposeScope();
        var (a, b, c1) = (0.3, 0.7, 1e-4);
        var (x, y) = (full(new long[] { 1, 1, 12, 12, 12 }, S(a)), full(new long[] { 1, 1, 12, 12, 12 }, S(b)));
        Assert.Equal((2 * a * b + c1) / (a * a + b * b + c1), Ssim().Compute(x, y).Value, 1e-3); // float32 variances next to c2 = 9e-4
    }

    [Fact]
    public void Ssim_is_symmetric_and_ranks_a_stronger_distortion_lower()
    {
        using var scope = NewDisposeScope();
        var (x, noise) = (rand([1, 1, 16, 16, 16]), randn([1, 1, 16, 16, 16]));
        var (slight, strong) = (x + noise * S(0.05), x + noise * S(0.3));
        Assert.Equal(Ssim().Compute(x, strong).Value, Ssim().Compute(strong, x).Value, 1e-6);
        Assert.True(Ssim().Compute(x, slight).Value > Ssim().Compute(x, strong).Value);
    }

    [Fact]
    public void Ms_ssim_counts_a_negative_contrast_as_zero()
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 1, 24, 24, 24]);
        Assert.Equal(0, MsSsim().Compute(x, -x + S(1.0)).Value);
    }

    // 48 has three scales by default, 40 has two
    [Theory]
    [InlineData(48, new[] { 0.0448, 0.2856, 0.6696 })]
    [InlineData(40, new[] { 0.5, 0.5 })]
    public void Ms_ssim_takes_its_scales_from_the_smallest_side(int side, double[] weights)
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 1, side, 50, 50]);
        var y = x + randn_like(x) * S(0.1);
        Assert.Equal(
            MsSsim(new() { Window = 5, Weights = weights }).Compute(x, y).Value,
            MsSsim(new() { Window = 5 }).Compute(x, y).Value);
    }

    public static TheoryData<Metric, Metric> ChangedOptions => new()
    {
        { Psnr(), Psnr(new() { DataRange = 0.5 }) },
        { Ssim(), Ssim(new() { Window = 7 }) },
        { Ssim(), Ssim(new() { Sigma = 1 }) },
        { Ssim(), Ssim(new() { K1 = 0.5 }) },
        { Ssim(), Ssim(new() { K2 = 0.5 }) },
        { Ssim(), Ssim(new() { DataRange = 2 }) },
        { MsSsim(), MsSsim(new() { Window = 7 }) },
        { MsSsim(), MsSsim(new() { Sigma = 1 }) },
        { MsSsim(), MsSsim(new() { Weights = [1] }) },
        { MsSsim(), MsSsim(new() { K1 = 0.5 }) },
        { MsSsim(), MsSsim(new() { K2 = 0.5 }) },
        { MsSsim(), MsSsim(new() { DataRange = 2 }) },
    };

    [Theory]
    [MemberData(nameof(ChangedOptions), DisableDiscoveryEnumeration = true)]
    public void Every_option_changes_the_value(Metric usual, Metric changed)
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 1, 24, 24, 24]);
        var y = x + randn_like(x) * S(0.2);
        Assert.NotEqual(usual.Compute(x, y).Value, changed.Compute(x, y).Value);
    }

    [Fact]
    public void Volume_smaller_than_the_window_is_refused_with_a_remedy()
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 1, 8, 24, 24]);
        Assert.Contains("set window to 8 or less", Assert.Throws<ArgumentException>(() => Ssim().Compute(x, x)).Message);
        Assert.Contains("has 4 left at the last of 2 scales", Assert.Throws<ArgumentException>(() => MsSsim().Compute(x, x)).Message);
    }

    [Fact]
    public void Volumes_of_different_sizes_are_refused()
    {
        using var scope = NewDisposeScope();
        var refusal = Assert.Throws<ArgumentException>(() => Psnr().Compute(rand([1, 1, 4, 4, 4]), rand([2, 1, 4, 4, 4])));
        Assert.Contains("[1, 1, 4, 4, 4]", refusal.Message);
        Assert.Throws<ArgumentException>(() => Psnr().Compute(rand([1, 4, 4, 4]), rand([1, 4, 4, 4])));
    }
}
