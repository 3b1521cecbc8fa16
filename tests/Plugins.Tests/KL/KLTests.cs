using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.KL;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.KL;

public sealed class KLTests
{
    private static readonly ICompressor<KLOptions> Part = new KLCompressor();

    // tests/Reference/kl3d-tiny.json
    private static readonly KLOptions Small = new()
    {
        Channels = [8, 16],
        NumResBlocks = [1, 1],
        AttentionLevels = [false, false],
        LatentChannels = 2,
        NormNumGroups = 4,
    };

    // tests/Reference/kl3d-attention-tiny.json, whose tensors were made by an implementation in PyTorch that also gives those of kl3d-tiny
    private static readonly KLOptions Attending = new()
    {
        Channels = [4, 8, 4],
        NumResBlocks = [1, 2, 1],
        AttentionLevels = [false, true, false],
        LatentChannels = 3,
        NormNumGroups = 2,
        NormEps = 1e-5,
        WithEncoderNonlocalAttn = false,
        UseConvtranspose = true,
    };

    public static TheoryData<string, KLOptions> References => new() { { "kl3d-tiny", Small }, { "kl3d-attention-tiny", Attending } };

    [Theory]
    [MemberData(nameof(References), DisableDiscoveryEnumeration = true)]
    public void Round_trip_agrees_with_the_reference_implementation(string name, KLOptions options)
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Part.Create(options, Contexts.Cpu);
        Reference.LoadWeights(compressor, $"{name}.weights.safetensors");
        using var io = Reference.Tensors($"{name}.io.safetensors");

        var result = compressor.Roundtrip(io["input"]);

        Assert.All(
            new[] { "latent", "sigma", "reconstruction" }, key => Assert.True(Reference.Difference(result[key], io[key]) < 1e-5, key));
        Assert.Equal(Part.LatentShape(options, VolumeShape.Of(io["input"])).Batch(2), result["latent"].shape);
        Assert.True(Reference.Difference(compressor.Encode(io["input"]), io["latent"]) < 1e-5);
        Assert.True(Reference.Difference(compressor.Decode(io["latent"]), io["reconstruction"]) < 1e-5);
    }

    // counted in PyTorch, by the implementation that made the tensors of kl3d-attention-tiny
    public static TheoryData<long, KLOptions> Counts => new()
    {
        { 13_348_872, new KLOptions() },
        { 9_674_248, new KLOptions { WithEncoderNonlocalAttn = false, WithDecoderNonlocalAttn = false } },
        { 12_648_456, new KLOptions { UseConvtranspose = true } },
        { 13_879_304, new KLOptions { AttentionLevels = [false, false, true, true] } },
    };

    [Theory]
    [MemberData(nameof(Counts), DisableDiscoveryEnumeration = true)]
    public void Options_have_the_exact_number_of_parameters(long expected, KLOptions options)
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(options, Contexts.Meta);
        Assert.Equal(expected, compressor.parameters().Sum(parameter => parameter.numel()));
    }

    [Fact]
    public void Each_level_after_the_first_halves_the_volume() =>
        Assert.Equal(new VolumeShape(3, 20, 32, 32), Part.LatentShape(new KLOptions(), new VolumeShape(1, 160, 256, 256)));

    [Fact]
    public void Size_that_would_not_come_back_is_refused_with_a_remedy()
    {
        var refusal = Assert.Throws<PlanException>(() => Part.LatentShape(new KLOptions(), new VolumeShape(1, 150, 256, 256)));
        Assert.Equal("channels", refusal.Key);
        Assert.Contains("depth 150", refusal.Message);
        Assert.Contains("at most 2 levels or pad the volume to 152", refusal.Message);
    }

    public static TheoryData<string, KLOptions> Contradictions => new()
    {
        { "in_channels", new() { InChannels = 2, OutChannels = 2 } },
        { "out_channels", new() { OutChannels = 2 } },
        { "num_res_blocks", new() { NumResBlocks = [2] } },
        { "num_res_blocks", new() { NumResBlocks = [2, 2, 0, 2] } },
        { "attention_levels", new() { AttentionLevels = [true] } },
        { "channels", new() { Channels = [32, 64, 100, 128] } },
        { "channels", new() { Channels = [32, 64, 0, 128] } },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Contradiction_names_the_option(string key, KLOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Part.LatentShape(options, new VolumeShape(1, 32, 32, 32)));
        Assert.Equal(key, refusal.Key);
    }

    [Fact]
    public void Divergence_is_the_closed_forms_sum_over_the_latent_and_mean_over_the_batch()
    {
        using var scope = NewDisposeScope();
        using var compressor = WithReferenceWeights();
        using var io = Reference.Tensors("kl3d-tiny.io.safetensors");

        var pass = Pass(compressor, io["input"]);

        var (mu, sigma) = (Doubles(io["latent"]), Doubles(io["sigma"]));
        // of one Gaussian from the standard one: ½ (μ² + σ² − 1 − log σ²); 2 samples
        var expected = mu.Zip(sigma, (m, s) => 0.5 * (m * m + s * s - 1 - Math.Log(s * s))).Sum() / 2;
        Assert.Equal(["kl"], pass.Losses.Keys);
        Assert.Equal(expected, pass.Losses["kl"].ToDouble(), expected * 1e-4);
        Assert.Equal(sigma.Average(), pass.Measures["sigma"], 1e-4);
    }

    [Theory]
    [InlineData(-1e3, 1e3, -30)]
    [InlineData(1e3, 1e3, 20)]
    public void Divergence_stays_finite_at_the_ends_of_the_range(double logVariance, double mean, double clamped)
    {
        using var scope = NewDisposeScope();
        using var compressor = WithReferenceWeights();
        using (no_grad())
        {
            foreach (var (part, value) in new[] { ("mu", mean), ("log_sigma", logVariance) })
            {
                Weights.Of(compressor)[$"quant_conv_{part}.conv.weight"].zero_();
                Weights.Of(compressor)[$"quant_conv_{part}.conv.bias"].fill_(S(value));
            }
        }

        var pass = Pass(compressor, zeros([1, 1, 4, 4, 4]));

        var expected = 2 * 8 * 0.5 * (mean * mean + Math.Exp(clamped) - 1 - clamped); // 2 channels of 2×2×2 voxels
        Assert.Equal(expected, pass.Losses["kl"].ToDouble(), expected * 1e-5);
    }

    [Fact]
    public void Training_reconstructs_a_latent_that_is_drawn_with_the_encoders_mean_and_deviation()
    {
        using var scope = NewDisposeScope();
        using var compressor = WithReferenceWeights();
        using var io = Reference.Tensors("kl3d-tiny.io.safetensors");
        using var random = new Generator(7, CPU);
        var noise = randn(io["latent"].shape, generator: random);

        var pass = Pass(compressor, io["input"]);

        Assert.True(Reference.Difference(pass.Reconstruction, compressor.Decode(io["latent"] + io["sigma"] * noise)) < 1e-5);
        Assert.True(Reference.Difference(pass.Reconstruction, io["reconstruction"]) > 1e-2);
    }

    [Fact]
    public void Draw_depends_on_the_stream_alone()
    {
        using var scope = NewDisposeScope();
        using var compressor = WithReferenceWeights();
        var volume = randn([1, 1, 8, 8, 8]);
        manual_seed(1);
        var first = Pass(compressor, volume).Reconstruction;
        manual_seed(2);
        Assert.Equal(0, Reference.Difference(Pass(compressor, volume).Reconstruction, first));
        Assert.True(Reference.Difference(Pass(compressor, volume, seed: 8).Reconstruction, first) > 1e-3);
    }

    [Fact]
    public void Divergence_is_float32_under_mixed_precision()
    {
        using var scope = NewDisposeScope();
        using var compressor = WithReferenceWeights();
        using var io = Reference.Tensors("kl3d-tiny.io.safetensors");
        var exact = Pass(compressor, io["input"]).Losses["kl"];

        using var mixed = Autocast.Begin(CPU, ScalarType.BFloat16);
        var pass = Pass(compressor, io["input"]);

        Assert.Equal(ScalarType.Float32, pass.Losses["kl"].dtype);
        Assert.True(Reference.Difference(pass.Losses["kl"], exact) < 0.05);
    }

    [Fact]
    public void Head_is_the_decoders_finest_level()
    {
        using var compressor = Part.Create(Small, Contexts.Cpu);
        var head = compressor.Head.ToHashSet(ReferenceEqualityComparer.Instance);
        var names = compressor.named_parameters().Where(entry => head.Contains(entry.parameter)).Select(entry => entry.name);
        Assert.Equal(
            ["decoder.blocks.6", "decoder.blocks.7", "decoder.blocks.8"],
            names.Select(name => string.Join('.', name.Split('.')[..3])).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Training_passes_leave_no_tensors_behind()
    {
        using var compressor = Part.Create(Small, Contexts.Cpu);
        Once();
        var before = LiveTensors.Settled();
        for (var pass = 0; pass < 3; pass++)
            Once();
        Assert.Equal(before, Tensor.TotalCount);

        void Once()
        {
            using var scope = NewDisposeScope();
            var pass = Pass(compressor, randn([1, 1, 8, 8, 8]));
            (pass.Reconstruction.sum() + pass.Losses["kl"]).backward();
        }
    }

    private static Compressor WithReferenceWeights()
    {
        var compressor = Part.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(compressor, "kl3d-tiny.weights.safetensors");
        return compressor;
    }

    private static CompressorPass Pass(Compressor compressor, Tensor volume, ulong seed = 7)
    {
        using var random = new Generator(seed, CPU);
        return compressor.TrainingPass(volume, random);
    }

    private static double[] Doubles(Tensor tensor) => tensor.to_type(ScalarType.Float64).flatten().data<double>().ToArray();
}
