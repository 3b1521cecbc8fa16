using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.VQVAE;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.VQVAE;

public sealed class VQVAETests
{
    private static readonly ICompressor<VQVAEOptions> Part = new VQVAECompressor();

    // tests/Reference/vqvae3d-tiny.json
    private static readonly VQVAEOptions Small = new()
    {
        Channels = [8, 16],
        NumResLayers = 1,
        NumResChannels = [8, 16],
        NumEmbeddings = 32,
        EmbeddingDim = 4,
    };

    [Fact]
    public void Round_trip_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(compressor, "vqvae3d-tiny.weights.safetensors");
        using var io = Reference.Tensors("vqvae3d-tiny.io.safetensors");

        var result = compressor.Roundtrip(io["input"]);

        Assert.True(Reference.Difference(result["encoded"], io["encoded"]) < 1e-5);
        Assert.True(Reference.Difference(result["latent"], io["encoded"]) < 1e-5);
        Assert.True(result["indices"].eq(io["indices"]).all().item<bool>());
        Assert.True(Reference.Difference(result["reconstruction"], io["reconstruction"]) < 1e-5);
    }

    [Fact]
    public void Decoding_quantises_so_a_small_change_of_the_latent_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(compressor, "vqvae3d-tiny.weights.safetensors");
        var codes = compressor.state_dict()["quantizer.quantizer.embedding.weight"];
        var latent = codes[5].view(1, 4, 1, 1, 1).expand(1, 4, 4, 4, 4);
        var near = latent + randn_like(latent) * Scalars.S(1e-4);
        Assert.Equal(0, Reference.Difference(compressor.Decode(near), compressor.Decode(latent)));
    }

    [Fact]
    public void Codes_are_chosen_in_float32_under_mixed_precision()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(compressor, "vqvae3d-tiny.weights.safetensors");
        var codes = compressor.state_dict()["quantizer.quantizer.embedding.weight"].to_type(ScalarType.Float64);
        var latent = randn([1, 4, 8, 8, 8]);
        var vectors = latent.to_type(ScalarType.Float64).flatten(2).squeeze(0).t();                    // [512, 4]
        var nearest = (vectors.unsqueeze(1) - codes.unsqueeze(0)).square().sum(2).argmin(1);           // [512]
        var quantised = codes.index_select(0, nearest).to_type(ScalarType.Float32).t().reshape(1, 4, 8, 8, 8);

        using var mixed = Autocast.Begin(CPU, ScalarType.BFloat16);
        Assert.Equal(0, Reference.Difference(compressor.Decode(latent), compressor.Decode(quantised)));
    }

    // counts of MONAI's class; the codebook is among them but takes no gradient
    [Theory]
    [InlineData("vqvae_4x", 5_512_069, 512 * 4)]
    [InlineData("vqvae_8x", 44_515_589, 1024 * 4)]
    public void Preset_has_the_exact_number_of_parameters(string preset, long expected, long codebook)
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(VQVAEOptions.Presets[preset], Contexts.Meta);
        var parameters = compressor.parameters().ToArray();
        Assert.Equal(expected, parameters.Sum(parameter => parameter.numel()));
        Assert.Equal(codebook, parameters.Where(parameter => !parameter.requires_grad).Sum(parameter => parameter.numel()));
    }

    [Theory]
    [InlineData("vqvae_4x", 40, 64)]
    [InlineData("vqvae_8x", 20, 32)]
    public void Latent_shape_is_that_of_the_original_experiments(string preset, int depth, int size) =>
        Assert.Equal(
            new VolumeShape(4, depth, size, size), Part.LatentShape(VQVAEOptions.Presets[preset], new VolumeShape(1, 160, 256, 256)));

    [Fact]
    public void Size_that_would_not_come_back_is_refused_with_a_remedy()
    {
        var refusal = Assert.Throws<PlanException>(() => Part.LatentShape(new VQVAEOptions(), new VolumeShape(1, 150, 256, 256)));
        Assert.Contains("depth 150 would come back as 148", refusal.Message);
        Assert.Contains("multiple of 4", refusal.Message);
    }

    public static TheoryData<string, VQVAEOptions> Contradictions => new()
    {
        { "in_channels", new() { InChannels = 2 } },
        { "num_res_channels", new() { NumResChannels = [64] } },
        { "downsample_parameters", new() { DownsampleParameters = [[2, 4, 1, 1]] } },
        { "downsample_parameters", new() { DownsampleParameters = [[2, 4, 1], [2, 4, 1, 1]] } },
        { "upsample_parameters", new() { UpsampleParameters = [[2, 4, 1, 1, 0], [0, 4, 1, 1, 0]] } },
        { "channels", new() { Channels = [64, 0] } },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Contradiction_names_the_option(string key, VQVAEOptions options)
    {
        var refusal = Assert.Throws<PlanException>(() => Part.LatentShape(options, new VolumeShape(1, 32, 32, 32)));
        Assert.Equal(key, refusal.Key);
    }
}
