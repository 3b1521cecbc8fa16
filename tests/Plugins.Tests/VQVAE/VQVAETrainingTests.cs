using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.VQVAE;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.VQVAE;

/// <summary>A training pass: what it returns, and what it does to the codebook.</summary>
public sealed class VQVAETrainingTests
{
    private const string Codes = "quantizer.quantizer.embedding.weight";
    private const string Sizes = "quantizer.quantizer.ema_cluster_size";
    private const string Sums = "quantizer.quantizer.ema_w";

    private static readonly ICompressor<VQVAEOptions> Part = new VQVAECompressor();

    // tests/Reference/vqvae3d-tiny.json; its latent of a 16³ volume is 4³
    private static readonly VQVAEOptions Small = new()
    {
        Channels = [8, 16],
        NumResLayers = 1,
        NumResChannels = [8, 16],
        NumEmbeddings = 32,
        EmbeddingDim = 4,
    };

    [Fact]
    public void Commitment_loss_and_reconstruction_agree_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(compressor, "vqvae3d-tiny.weights.safetensors");
        compressor.eval();
        using var io = Reference.Tensors("vqvae3d-tiny.io.safetensors");

        var pass = Pass(compressor, io["input"]);

        Assert.True(Reference.Difference(pass.Reconstruction, io["reconstruction"]) < 1e-5);
        Assert.Equal(io["loss"].ToDouble(), pass.Losses["codebook"].ToDouble(), 1e-6);
    }

    [Fact]
    public void Commitment_loss_is_the_weighted_mean_square_of_what_quantising_moved()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small with { CommitmentCost = 0.75 }, Contexts.Cpu);
        var volume = randn([2, 1, 16, 16, 16]);
        var (z, codes) = (Vectors(compressor, volume), Weights.Of(compressor)[Codes].to_type(ScalarType.Float64));
        var expected = 0.75 * (codes.index_select(0, Nearest(z, codes)) - z).square().mean().ToDouble();

        var loss = Pass(compressor, volume).Losses["codebook"];

        Assert.Equal(ScalarType.Float32, loss.dtype);
        Assert.Equal(expected, loss.ToDouble(), expected * 1e-5);
    }

    [Fact]
    public void Gradient_goes_straight_through_the_quantiser()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        compressor.eval();
        var decoder = (nn.Module<Tensor, Tensor>)compressor.named_children().Single(child => child.name == "decoder").module;
        var (volume, direction) = (randn([1, 1, 16, 16, 16]).requires_grad_(), randn([1, 1, 16, 16, 16]));

        var quantised = compressor.Encode(volume).detach();
        var codes = Weights.Of(compressor)[Codes].to_type(ScalarType.Float64);
        quantised = codes.index_select(0, Nearest(Flat(quantised), codes))
            .t().reshape(1, 4, 4, 4, 4).to_type(ScalarType.Float32).requires_grad_();
        (decoder.call(quantised) * direction).sum().backward();
        compressor.Encode(volume).backward([quantised.grad!]);
        var expected = volume.grad!.clone();
        volume.grad!.zero_();

        (Pass(compressor, volume).Reconstruction * direction).sum().backward();

        Assert.True(Reference.Difference(volume.grad!, expected) < 1e-4);
    }

    [Fact]
    public void Commitment_loss_moves_the_encoder_and_not_the_decoder_or_the_codes()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        Pass(compressor, randn([1, 1, 16, 16, 16])).Losses["codebook"].backward();
        Assert.All(compressor.named_parameters(), entry => Assert.Equal(
            entry.name.StartsWith("encoder.", StringComparison.Ordinal), entry.parameter.grad?.abs().max().ToDouble() > 0));
    }

    [Fact]
    public void Update_is_the_moving_average_with_Laplace_smoothing_computed_by_hand()
    {
        using var scope = NewDisposeScope();
        const double decay = 0.9, epsilon = 1e-3;
        using var compressor = Part.Create(
            Small with { NumEmbeddings = 6, Decay = decay, Epsilon = epsilon, ReviveThreshold = 0 }, Contexts.Cpu);
        var weights = Weights.Of(compressor);
        var (n, m, e) = (Doubles(weights[Sizes]), Doubles(weights[Sums]), Doubles(weights[Codes]));
        Assert.All(n, size => Assert.Equal(0, size));
        Assert.Equal(e, m);

        for (var pass = 0; pass < 3; pass++)
        {
            var volume = randn([1, 1, 16, 16, 16]);
            var z = Doubles(Vectors(compressor, volume));
            Pass(compressor, volume);

            var (counts, sums) = (new double[6], new double[6 * 4]);
            for (var v = 0; v < z.Length / 4; v++)
            {
                var nearest = Enumerable.Range(0, 6).MinBy(k => Enumerable.Range(0, 4).Sum(c => Math.Pow(z[4 * v + c] - e[4 * k + c], 2)));
                counts[nearest]++;
                for (var c = 0; c < 4; c++)
                    sums[4 * nearest + c] += z[4 * v + c];
            }

            n = [.. n.Select((size, k) => decay * size + (1 - decay) * counts[k])];
            m = [.. m.Select((sum, i) => decay * sum + (1 - decay) * sums[i])];
            var total = n.Sum();
            e = [.. m.Select((sum, i) => sum / ((n[i / 4] + epsilon) / (total + 6 * epsilon) * total))];
            AssertClose(n, weights[Sizes]);
            AssertClose(m, weights[Sums]);
            AssertClose(e, weights[Codes]);
        }
    }

    [Fact]
    public void Sum_of_very_many_equal_vectors_does_not_drift()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Plain(codes: 2, dimension: 1, decay: 0), Contexts.Cpu);
        Set(compressor, "encoder.blocks.1.conv.weight", zeros([1, 1, 3, 3, 3]));
        Set(compressor, "encoder.blocks.1.conv.bias", tensor(new[] { 0.1f })); // so every vector is 0.1
        Pass(compressor, zeros([1, 1, 96, 96, 96]));
        Assert.Equal(0.1 * 96 * 96 * 96, Weights.Of(compressor)[Sums].max().ToDouble(), 0.1); // added up in float32 it is off by hundreds
    }

    [Fact]
    public void Pass_in_eval_mode_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        compressor.eval();
        var before = Copy(compressor);
        var pass = Pass(compressor, randn([1, 1, 16, 16, 16]));
        Assert.All(Weights.Of(compressor), weight => Assert.True(Same(weight.Value, before[weight.Key]), weight.Key));
        Assert.True(pass.Losses["codebook"].requires_grad);
    }

    [Fact]
    public void Nothing_but_a_training_pass_updates_the_codebook()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        compressor.train();
        var before = Copy(compressor);
        compressor.Roundtrip(randn([1, 1, 16, 16, 16]));
        Assert.All(Weights.Of(compressor), weight => Assert.True(Same(weight.Value, before[weight.Key]), weight.Key));
    }

    [Fact]
    public void Batch_that_is_not_finite_leaves_the_codebook_alone()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        var before = Copy(compressor);
        Pass(compressor, full([1, 1, 16, 16, 16], S(float.NaN)));
        Assert.All(Weights.Of(compressor), weight => Assert.True(Same(weight.Value, before[weight.Key]), weight.Key));
    }

    [Fact]
    public void Uniform_use_has_a_perplexity_of_the_codebook_and_one_code_has_one()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small with { NumEmbeddings = 8 }, Contexts.Cpu);
        compressor.eval();
        var volume = randn([1, 1, 8, 8, 8]); // 2×2×2 vectors
        Set(compressor, Codes, Vectors(compressor, volume));
        var uniform = Pass(compressor, volume);
        Assert.Equal(8, uniform.Measures["perplexity"], 1e-6);
        Assert.Equal(1, uniform.Measures["usage"]);
        Assert.Equal(0, uniform.Losses["codebook"].ToDouble(), 1e-12);

        using (no_grad())
            Weights.Of(compressor)[Codes].narrow(0, 1, 7).fill_(S(1e3));
        var collapsed = Pass(compressor, volume);
        Assert.Equal(1, collapsed.Measures["perplexity"], 1e-6);
        Assert.Equal(1.0 / 8, collapsed.Measures["usage"]);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.01)]
    public void Dead_codes_are_those_that_no_vector_chose_for_long(double threshold)
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small with { ReviveThreshold = threshold }, Contexts.Cpu);
        Set(compressor, Sizes, cat([full(20, S(5.0)), full(12, S(1e-6))]));
        compressor.eval();
        Assert.Equal(12, Pass(compressor, randn([1, 1, 16, 16, 16])).Measures["dead_codes"]);
    }

    [Fact]
    public void Dead_codes_start_anew_at_vectors_of_the_batch_and_stay_there()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        var (volume, far) = (randn([1, 1, 16, 16, 16]), FarAway(compressor));
        var z = Vectors(compressor, volume);

        var pass = Pass(compressor, volume);

        var weights = Weights.Of(compressor);
        var revived = weights[Codes].narrow(0, 16, 16).clone();
        Assert.True(pass.Measures["dead_codes"] >= 16);
        Assert.True(DistanceTo(z, revived).max().ToDouble() < 1e-9);
        Assert.True(weights[Sizes].min().ToDouble() > 0);

        Pass(compressor, volume);
        var spread = z.std(0).norm().ToDouble();
        Assert.True(DistanceTo(z, weights[Codes].narrow(0, 16, 16)).max().ToDouble() < spread);

        // the same without new averages: the codes are back where they were
        Set(compressor, Sums, far);
        Set(compressor, Sizes, zeros(32));
        Set(compressor, Codes, cat([weights[Codes].narrow(0, 0, 16), revived]));
        using var off = Part.Create(Small with { ReviveThreshold = 0 }, Contexts.Cpu);
        Weights.Load(off, Weights.Of(compressor), "the revived compressor");
        Pass(off, volume);
        Assert.True((DistanceTo(z, Weights.Of(off)[Codes].narrow(0, 16, 16)) > S(100 * spread)).any().item<bool>());
    }

    [Fact]
    public void Revival_can_be_turned_off()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small with { ReviveThreshold = 0 }, Contexts.Cpu);
        FarAway(compressor);
        using var random = new Generator(1, CPU);
        var state = random.get_state().data<byte>().ToArray();
        compressor.TrainingPass(randn([1, 1, 16, 16, 16]), random);
        Assert.True((Weights.Of(compressor)[Codes].narrow(0, 16, 16).abs() > S(100.0)).all().item<bool>());
        Assert.Equal(state, random.get_state().data<byte>().ToArray());
    }

    [Fact]
    public void Revival_depends_on_the_stream_alone()
    {
        using var scope = NewDisposeScope();
        using var source = Part.Create(Small, Contexts.Cpu);
        FarAway(source);
        var volume = randn([1, 1, 16, 16, 16]);
        var calls = 0;
        Tensor After(ulong seed)
        {
            using var compressor = Part.Create(Small, Contexts.Cpu);
            Weights.Load(compressor, Weights.Of(source), "the source");
            manual_seed(++calls); // the global generator must not matter
            using var random = new Generator(seed, CPU);
            compressor.TrainingPass(volume, random);
            return Weights.Of(compressor)[Codes].clone();
        }

        Assert.True(Same(After(1), After(1)));
        Assert.False(Same(After(1), After(2)));
    }

    [Fact]
    public void Revival_works_with_fewer_vectors_than_dead_codes()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small, Contexts.Cpu);
        FarAway(compressor);
        var volume = randn([1, 1, 4, 4, 4]); // one vector
        var z = Vectors(compressor, volume);
        Pass(compressor, volume);
        Assert.True(DistanceTo(z, Weights.Of(compressor)[Codes].narrow(0, 16, 16)).max().ToDouble() < 1e-9);
    }

    [Fact]
    public void Nearest_codes_are_the_same_whether_distances_are_held_at_one_time_or_in_parts()
    {
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        // 2¹⁶ codes, so that 2²⁰ distances at a time are those of 16 vectors; there are 1000
        using var compressor = Part.Create(Plain(codes: 1 << 16, dimension: 2), Contexts.Cpu);
        var volume = randn([1, 1, 10, 10, 10]);
        var (z, codes) = (Vectors(compressor, volume), Weights.Of(compressor)[Codes]);
        var whole = (codes.square().sum(1) - z.matmul(codes.t()) * S(2.0)).argmin(1);
        Assert.True(compressor.Roundtrip(volume)["indices"].flatten().eq(whole).all().item<bool>());
    }

    [Fact]
    public void Codebook_and_loss_are_float32_under_mixed_precision()
    {
        using var scope = NewDisposeScope();
        using var compressor = Part.Create(Small with { ReviveThreshold = 0 }, Contexts.Cpu);
        using var random = new Generator(1, CPU);
        var volume = randn([1, 1, 64, 64, 64]); // 4096 vectors, some of which bfloat16 distances would give to another code
        CompressorPass pass;
        Tensor nearest;
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
        {
            var z = Vectors(compressor, volume);
            Assert.Equal(ScalarType.BFloat16, z.dtype);
            nearest = Nearest(z.to_type(ScalarType.Float64), Weights.Of(compressor)[Codes].to_type(ScalarType.Float64));
        }

        // a scope of its own: within one, autocast would hand out the half-precision weights that it made without gradient
        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            pass = compressor.TrainingPass(volume, random);
        AssertClose(Doubles(bincount(nearest, minlength: 32) * S(0.01)), Weights.Of(compressor)[Sizes]);
        Assert.Equal(ScalarType.Float32, pass.Losses["codebook"].dtype);
        Assert.All(new[] { Codes, Sizes, Sums }, key => Assert.Equal(ScalarType.Float32, Weights.Of(compressor)[key].dtype));
        (pass.Reconstruction.to_type(ScalarType.Float32).square().mean() + pass.Losses["codebook"]).backward();
        Assert.All(compressor.parameters().Where(p => p.requires_grad), p => Assert.Equal(ScalarType.Float32, p.grad!.dtype));
    }

    [Fact]
    public void Training_passes_leave_no_tensors_behind()
    {
        using var compressor = Part.Create(Small, Contexts.Cpu);
        using var random = new Generator(1, CPU);
        Once();
        var before = LiveTensors.Settled();
        for (var pass = 0; pass < 3; pass++)
            Once();
        Assert.Equal(before, Tensor.TotalCount);

        void Once()
        {
            using var scope = NewDisposeScope();
            var pass = compressor.TrainingPass(randn([1, 1, 16, 16, 16]), random);
            (pass.Reconstruction.sum() + pass.Losses["codebook"]).backward();
        }
    }

    [Fact]
    public void Head_is_the_decoders_last_level()
    {
        using var compressor = Part.Create(Small, Contexts.Cpu);
        var head = compressor.Head.ToHashSet(ReferenceEqualityComparer.Instance);
        var names = compressor.named_parameters().Where(entry => head.Contains(entry.parameter)).Select(entry => entry.name);
        Assert.Equal(
            ["decoder.blocks.3.conv1.conv.bias", "decoder.blocks.3.conv1.conv.weight", "decoder.blocks.3.conv2.conv.bias",
                "decoder.blocks.3.conv2.conv.weight", "decoder.blocks.4.conv.bias", "decoder.blocks.4.conv.weight"],
            names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Threshold_within_the_reach_of_the_smoothing_is_refused()
    {
        var refusal = Assert.Throws<PlanException>(() => Part.Create(Small with { ReviveThreshold = 5e-5, Epsilon = 1e-5 }, Contexts.Meta));
        Assert.Equal("revive_threshold", refusal.Key);
        Assert.Contains("at least 0.0001", refusal.Message);
    }

    // one strided convolution each way, of stride 1, so that every voxel is a vector
    private static VQVAEOptions Plain(int codes, int dimension, double decay = 0.99) => new()
    {
        Channels = [1],
        NumResLayers = 0,
        NumResChannels = [1],
        DownsampleParameters = [[1, 1, 1, 0]],
        UpsampleParameters = [[1, 1, 1, 0, 0]],
        NumEmbeddings = codes,
        EmbeddingDim = dimension,
        Decay = decay,
    };

    private static CompressorPass Pass(Compressor compressor, Tensor volume)
    {
        using var random = new Generator(7, CPU);
        return compressor.TrainingPass(volume, random);
    }

    // the second half of the codes where no vector is, as if they had never been chosen; returns the sums
    private static Tensor FarAway(Compressor compressor)
    {
        var codes = Weights.Of(compressor)[Codes].clone();
        codes.narrow(0, 16, 16).add_(S(1e4));
        Set(compressor, Codes, codes);
        Set(compressor, Sums, codes);
        return codes;
    }

    // [n, c]
    private static Tensor Vectors(Compressor compressor, Tensor volume)
    {
        using var gradient = no_grad();
        return Flat(compressor.Encode(volume));
    }

    private static Tensor Flat(Tensor latent) => latent.movedim([1], [-1]).reshape(-1, latent.shape[1]);

    private static Tensor Nearest(Tensor vectors, Tensor codes) => (vectors.unsqueeze(1) - codes.unsqueeze(0)).square().sum(2).argmin(1);

    // of each code to its nearest vector
    private static Tensor DistanceTo(Tensor vectors, Tensor codes) =>
        (codes.unsqueeze(1) - vectors.unsqueeze(0)).square().sum(2).sqrt().amin([1]);

    private static void Set(Compressor compressor, string key, Tensor value)
    {
        using var gradient = no_grad();
        Weights.Of(compressor)[key].copy_(value);
    }

    private static Dictionary<string, Tensor> Copy(Compressor compressor) =>
        Weights.Of(compressor).ToDictionary(w => w.Key, w => w.Value.clone());

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();

    private static double[] Doubles(Tensor tensor) => tensor.to_type(ScalarType.Float64).flatten().data<double>().ToArray();

    private static void AssertClose(double[] expected, Tensor actual) =>
        Assert.All(
            Doubles(actual).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-4 * Math.Max(1e-2, Math.Abs(pair.Second))));
}
