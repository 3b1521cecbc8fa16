using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.WDM;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.WDM;

public sealed class HaarTests
{
    private static readonly ICompressor<HaarOptions> Part = new HaarCompressor();

    private static readonly string[] Bands = ["LLL", "LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH"];

    private static Compressor Create(HaarOptions? options = null) => Part.Create(options ?? new HaarOptions(), Contexts.Cpu);

    [Fact]
    public void Bands_agree_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        using var io = Reference.Tensors("haar3d.io.safetensors");
        var expected = cat([.. Bands.Select(band => io[band])], 1);

        Assert.True(Reference.Difference(compressor.Encode(io["input"]), expected) < 1e-6);
        Assert.True(Reference.Difference(compressor.Decode(expected), io["input"]) < 1e-6);
    }

    [Fact]
    public void Letters_follow_depth_height_and_width_and_bands_come_before_channels()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        for (var band = 0; band < 8; band++)
        {
            // 1 and −1 in turn along the axes whose letter is H, in the second of two channels
            Tensor Axis(int bit, int size) =>
                tensor([.. Enumerable.Range(0, size).Select(i => (band & bit) != 0 && i % 2 == 1 ? -1f : 1f)]);
            var pattern = Axis(4, 4).view(4, 1, 1) * Axis(2, 2).view(2, 1) * Axis(1, 6);
            var volume = stack([zeros_like(pattern), pattern]).unsqueeze(0);

            var expected = zeros([1, 16, 2, 1, 3]);
            expected[.., 2 * band + 1] = full([2, 1, 3], S(Math.Sqrt(8)));

            Assert.True((compressor.Encode(volume) - expected).abs().max().ToDouble() < 1e-6, Bands[band]);
        }
    }

    [Fact]
    public void One_voxel_spreads_over_its_block_with_these_signs()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        var volume = zeros([1, 1, 4, 4, 4]);
        volume[0, 0, 2, 1, 3] = tensor(1f);      // even in D, odd in H and W, in block (1, 0, 1)

        var latent = compressor.Encode(volume);

        float[] signs = [1, -1, -1, 1, 1, -1, -1, 1];
        Assert.True((latent[0, .., 1, 0, 1] - tensor(signs) / S(Math.Sqrt(8))).abs().max().ToDouble() < 1e-7);
        Assert.Equal(8, latent.count_nonzero().item<long>());
    }

    [Fact]
    public void Norms_and_inner_products_are_those_of_the_volumes()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        var (x, y) = (randn([2, 3, 4, 6, 8], ScalarType.Float64), randn([2, 3, 4, 6, 8], ScalarType.Float64));
        var (encodedX, encodedY) = (compressor.Encode(x), compressor.Encode(y));

        Assert.Equal(x.square().sum().ToDouble(), encodedX.square().sum().ToDouble(), 1e-10);
        Assert.Equal((x * y).sum().ToDouble(), (encodedX * encodedY).sum().ToDouble(), 1e-10);
    }

    public static TheoryData<HaarOptions> Variants =>
    [
        new HaarOptions(),
        new HaarOptions { Rescale = true },
        new HaarOptions { LowPassDivisor = 3 },
        new HaarOptions { Rescale = true, LowPassDivisor = 3 },
    ];

    [Theory]
    [MemberData(nameof(Variants), DisableDiscoveryEnumeration = true)]
    public void Round_trip_gives_the_volume_back(HaarOptions options)
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(options);
        foreach (var (dtype, tolerance) in new[] { (ScalarType.Float32, 1e-6), (ScalarType.Float64, 1e-14) })
        {
            var volume = rand([2, 3, 4, 6, 10], dtype);
            var latent = compressor.Encode(volume);
            Assert.Equal(dtype, latent.dtype);
            Assert.True(Reference.Difference(compressor.Decode(latent), volume) < tolerance);
            Assert.True(Reference.Difference(compressor.Encode(compressor.Decode(latent)), latent) < tolerance);
        }
    }

    [Fact]
    public void Arguments_are_left_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(new HaarOptions { Rescale = true, LowPassDivisor = 3 });
        var volume = rand([1, 1, 2, 4, 6]);
        var latent = compressor.Encode(volume);
        var (volumeBefore, latentBefore) = (volume.clone(), latent.clone());
        compressor.Encode(volume);
        compressor.Decode(latent);
        Assert.True(volume.eq(volumeBefore).all().item<bool>());
        Assert.True(latent.eq(latentBefore).all().item<bool>());
    }

    [Fact]
    public void Views_are_transformed_like_their_copies()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        var view = rand([1, 2, 8, 4, 6]).transpose(2, 4).narrow(4, 1, 6);
        Assert.Equal(0, Reference.Difference(compressor.Encode(view), compressor.Encode(view.contiguous())));
        var latent = rand([1, 4, 2, 3, 8]).transpose(1, 4);
        Assert.Equal(0, Reference.Difference(compressor.Decode(latent), compressor.Decode(latent.contiguous())));
    }

    // of volumes in [0, 1] the lowest band reaches √8 and the others half of that either way; of volumes in [−1, 1] it is √8 for all
    [Theory]
    [InlineData(false, 1.0, 0, 1, 0.5)]
    [InlineData(true, 1.0, -1, 1, 1)]
    [InlineData(true, 3.0, -1.0 / 3, 1.0 / 3, 1)]
    public void Ranges_of_the_bands_are_reached_by_the_blocks_that_reach_furthest(
        bool rescale,
        double divisor,
        double low,
        double high,
        double detail)
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(new HaarOptions { Rescale = rescale, LowPassDivisor = divisor });
        // all 256 blocks of zeros and ones, side by side
        var blocks = (arange(S(256L)).unsqueeze(1).bitwise_right_shift(arange(S(8L))) % S(2L)).to(ScalarType.Float32).view(256, 1, 2, 2, 2);

        var latent = compressor.Encode(blocks) / S(Math.Sqrt(8));

        Assert.Equal(low, latent[.., 0].min().ToDouble(), 1e-6);
        Assert.Equal(high, latent[.., 0].max().ToDouble(), 1e-6);
        for (var band = 1; band < 8; band++)
        {
            Assert.Equal(-detail, latent[.., band].min().ToDouble(), 1e-6);
            Assert.Equal(detail, latent[.., band].max().ToDouble(), 1e-6);
        }
    }

    [Fact]
    public void Rescaling_doubles_the_bands_and_shifts_the_lowest_alone()
    {
        using var scope = NewDisposeScope();
        using var plain = Create();
        using var rescaled = Create(new HaarOptions { Rescale = true });
        var volume = rand([1, 2, 4, 4, 4]);
        var expected = plain.Encode(volume) * S(2.0);
        expected.narrow(1, 0, 2).sub_(S(Math.Sqrt(8)));
        Assert.True(Reference.Difference(rescaled.Encode(volume), expected) < 1e-6);
    }

    [Fact]
    public void Divisor_divides_the_lowest_band_of_every_channel_alone()
    {
        using var scope = NewDisposeScope();
        using var plain = Create();
        using var divided = Create(new HaarOptions { LowPassDivisor = 3 });
        var volume = rand([1, 2, 4, 4, 4]);
        var expected = plain.Encode(volume);
        expected.narrow(1, 0, 2).div_(S(3.0));
        Assert.True(Reference.Difference(divided.Encode(volume), expected) < 1e-6);
    }

    [Fact]
    public void Mixed_precision_costs_no_digit()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        var volume = rand([1, 1, 4, 4, 4]);
        using var mixed = Autocast.Begin(CPU, ScalarType.BFloat16);
        Assert.True(Reference.Difference(compressor.Decode(compressor.Encode(volume)), volume) < 1e-6);
    }

    [Fact]
    public void Gradient_is_the_inverse_transform()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        var volume = rand([1, 2, 4, 4, 4]).requires_grad_();
        var weight = randn([1, 16, 2, 2, 2]);
        (compressor.Encode(volume) * weight).sum().backward();
        Assert.True(Reference.Difference(volume.grad!, compressor.Decode(weight)) < 1e-6);
    }

    [Fact]
    public void Latent_shape_of_the_original_experiment_is_eight_channels_of_half_size()
    {
        Assert.Equal(new VolumeShape(8, 80, 64, 64), Part.LatentShape(new HaarOptions(), new VolumeShape(1, 160, 128, 128)));
        Assert.Equal(new VolumeShape(24, 1, 2, 3), Part.LatentShape(new HaarOptions(), new VolumeShape(3, 2, 4, 6)));
    }

    [Theory]
    [InlineData(15, 16, 16, "depth 15 of the 1×15×16×16 volume is odd", "pad it to 16")]
    [InlineData(16, 17, 16, "height 17", "pad it to 18")]
    [InlineData(16, 16, 1, "width 1", "pad it to 2")]
    public void Odd_size_is_refused_with_a_remedy(int depth, int height, int width, string finding, string remedy)
    {
        var refusal = Assert.Throws<PlanException>(() => Part.LatentShape(new HaarOptions(), new VolumeShape(1, depth, height, width)));
        Assert.Contains(finding, refusal.Message);
        Assert.Contains(remedy, refusal.Message);
    }

    [Fact]
    public void Tensors_that_do_not_divide_are_refused()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create();
        Assert.Contains("4×3×4", Assert.Throws<ArgumentException>(() => compressor.Encode(rand([1, 1, 4, 3, 4]))).Message);
        Assert.Contains("12 channels", Assert.Throws<ArgumentException>(() => compressor.Decode(rand([1, 12, 4, 4, 4]))).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Divisor_that_cannot_be_undone_is_out_of_range(double divisor)
    {
        var options = new HaarOptions { LowPassDivisor = divisor };
        Assert.False(Validator.TryValidateObject(options, new ValidationContext(options), null, validateAllProperties: true));
    }
}
