using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DiT;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.Tests.DiT;

public sealed class DiTTests
{
    private static readonly DiTArchitecture Architecture = new();

    // tests/Reference/dit3d-tiny.json
    private static readonly DiTOptions Small = new()
    {
        InChannels = 2,
        OutChannels = 1,
        InputSize = 4,
        DepthSize = 8,
        PatchSize = 2,
        HiddenSize = 48,
        Depth = 2,
        NumHeads = 4,
    };

    // three different sizes, more than one channel everywhere
    private static readonly DiTOptions Crossing = new()
    {
        InChannels = 2,
        OutChannels = 3,
        InputSize = 6,
        WidthSize = 8,
        DepthSize = 4,
        PatchSize = 2,
        HiddenSize = 16,
        Depth = 1,
        NumHeads = 2,
        Conditioning = ImageConditioning.CrossAttn,
        ConditionChannels = 3,
    };

    // tests/Reference/dit3d-cross-tiny.json
    private static readonly DiTOptions CrossingReference = Crossing with { OutChannels = 2, Depth = 2, LearnSigma = true };

    private static readonly long[] CrossingSample = [2, 2, 4, 6, 8], CrossingImage = [2, 3, 4, 6, 8];

    [Fact]
    public void Forward_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = WithReferenceWeights();
        using var io = Reference.Tensors("dit3d-tiny.io.safetensors");

        var output = dit.call(io["input"], io["timesteps"], Conditioning.None);

        // with the exact GELU in place of the tanh the difference would be 9e-6
        Assert.True(Reference.Difference(output, io["output"]) < 2e-6);
    }

    // its tensors were made by an implementation in PyTorch that also gives those of dit3d-tiny
    [Fact]
    public void Cross_attending_network_with_learned_sigma_agrees_with_the_reference_implementation()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = Architecture.Create(CrossingReference, Contexts.Cpu);
        Reference.LoadWeights(dit, "dit3d-cross-tiny.weights.safetensors");
        using var io = Reference.Tensors("dit3d-cross-tiny.io.safetensors");

        var output = dit.call(io["input"], io["timesteps"], new Conditioning { Image = io["condition"] });

        Assert.True(Reference.Difference(output, io["output"]) < 5e-6);
    }

    [Fact]
    public void Learned_sigma_is_neither_seen_nor_trained()
    {
        using var scope = NewDisposeScope();
        using var dit = Architecture.Create(CrossingReference, Contexts.Cpu);
        Reference.LoadWeights(dit, "dit3d-cross-tiny.weights.safetensors");
        using var io = Reference.Tensors("dit3d-cross-tiny.io.safetensors");
        Tensor Predict() => dit.call(io["input"], io["timesteps"], new Conditioning { Image = io["condition"] });
        var before = Predict();
        Assert.Equal(io["input"].shape, before.shape);
        before.square().sum().backward();
        var layer = dit.named_parameters().Single(entry => entry.name == "final_layer.linear.weight").parameter;
        var gradient = layer.grad!.view(8, 4, 16).abs().sum([0, 2]); // features are 2·2·2 voxels of 4 channels
        Assert.Equal([true, true, false, false], gradient.gt(S(0.0)).data<bool>().ToArray());

        using (no_grad())
            layer.view(8, 4, 16).narrow(1, 2, 2).zero_();
        Assert.Equal(0, Reference.Difference(Predict(), before));
    }

    [Fact]
    public void Image_condition_is_concatenated_after_the_sample()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = WithReferenceWeights();
        using var io = Reference.Tensors("dit3d-tiny.io.safetensors");
        var (sample, condition) = (io["input"].narrow(1, 0, 1), io["input"].narrow(1, 1, 1));

        var output = dit.call(sample, io["timesteps"], new Conditioning { Image = condition });

        Assert.True(Reference.Difference(output, io["output"]) < 1e-5);
    }

    [Fact]
    public void Scale_and_shift_of_the_time_embedding_change_the_prediction()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = WithReferenceWeights();
        using var io = Reference.Tensors("dit3d-tiny.io.safetensors");
        Assert.Equal(48, dit.EmbeddingSize);
        var weights = Weights.Of(dit);
        var hidden = F.silu(
            F.linear(TimeEmbedding.Sinusoidal(io["timesteps"], 256), weights["t_embedder.mlp.0.weight"], weights["t_embedder.mlp.0.bias"]));
        var embedding = F.linear(hidden, weights["t_embedder.mlp.2.weight"], weights["t_embedder.mlp.2.bias"]);

        // scale 1 with shift −e doubles the embedding and takes it away again, which nothing but a modulation of that embedding does
        var modulated = dit.call(io["input"], io["timesteps"], new Conditioning { Scale = ones(2, 48), Shift = -embedding });

        Assert.True(Reference.Difference(modulated, io["output"]) < 1e-5);
        var shifted = dit.call(io["input"], io["timesteps"], new Conditioning { Shift = ones(2, 48) });
        Assert.True(Reference.Difference(shifted, io["output"]) > 1e-2);
    }

    [Theory]
    [InlineData(ImageConditioning.Concat)]
    [InlineData(ImageConditioning.CrossAttn)]
    public void Untrained_network_predicts_exactly_zero(ImageConditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var crosses = conditioning == ImageConditioning.CrossAttn;
        using var dit = Architecture.Create(
            Crossing with { InChannels = crosses ? 2 : 5, Conditioning = conditioning, ConditionChannels = crosses ? 3 : null },
            Contexts.Cpu);
        var output = dit.call(randn(CrossingSample), tensor([500f, 20f]), new Conditioning { Image = randn(CrossingImage) });
        Assert.Equal([2, 3, 4, 6, 8], output.shape);
        Assert.Equal(0, output.abs().max().ToDouble());
    }

    [Fact]
    public void Token_of_a_patch_returns_to_the_place_of_that_patch()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = Architecture.Create(
            Crossing with { InChannels = 2, Conditioning = ImageConditioning.Concat, ConditionChannels = null }, Contexts.Cpu);
        Weights.Of(dit)["final_layer.linear.weight"].normal_();
        var sample = randn(CrossingSample);
        var other = sample.clone();
        other[0, 1, 3, 2, 7] += S(1.0);

        // new blocks are the identity, so nothing goes from one token to another
        var changed = (dit.call(other, tensor([9f, 9f]), Conditioning.None) - dit.call(sample, tensor([9f, 9f]), Conditioning.None))
            .abs().gt(S(1e-6));

        Assert.Equal(3 * 8, changed.sum().item<long>());
        Assert.True(changed.slice(2, 2, 4, 1).slice(3, 2, 4, 1).slice(4, 6, 8, 1)[0].all().item<bool>());
    }

    [Fact]
    public void Positions_start_as_sines_and_cosines_of_the_three_indices()
    {
        using var scope = NewDisposeScope();
        using var dit = Architecture.Create(Crossing with { HiddenSize = 20 }, Contexts.Cpu);
        var positions = Weights.Of(dit)["pos_embed"];
        Assert.Equal([1, 2 * 3 * 4, 20], positions.shape);

        // 20 / 3 rounded down to even is 6 for depth and height, and leaves 8 for width
        foreach (var (d, h, w) in new[] { (0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3), (1, 2, 3) })
        {
            var expected = Axis(d, 6).Concat(Axis(h, 6)).Concat(Axis(w, 8)).ToArray();
            var token = positions[0, d * 12 + h * 4 + w].data<float>().ToArray();
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], token[i], 1e-6);
        }

        static IEnumerable<double> Axis(int index, int size)
        {
            var angles = Enumerable.Range(0, size / 2).Select(i => index * Math.Pow(10000, -2.0 * i / size)).ToArray();
            return angles.Select(Math.Sin).Concat(angles.Select(Math.Cos));
        }
    }

    [Fact]
    public void Weights_start_xavier_uniform_with_the_named_exceptions()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var dit = Architecture.Create(Crossing with { HiddenSize = 64 }, Contexts.Cpu);
        string[] zero =
            [
                "blocks.0.adaLN_modulation.1.weight",
                "blocks.0.cross_attn.proj.weight",
                "final_layer.adaLN_modulation.1.weight",
                "final_layer.linear.weight",
            ];

        foreach (var (key, weight) in Weights.Of(dit)
            .Where(entry => entry.Value.dim() is 2 or 5 || entry.Key.EndsWith("bias", StringComparison.Ordinal)))
        {
            var largest = weight.abs().max().ToDouble();
            if (key.EndsWith("bias", StringComparison.Ordinal) || zero.Contains(key))
            {
                Assert.True(largest == 0, $"{key} starts at {largest}");
            }
            else if (key.StartsWith("t_embedder", StringComparison.Ordinal))
            {
                Assert.Equal(0.02, weight.std().ToDouble(), 0.002);
            }
            else
            {
                var bound = Math.Sqrt(6.0 / (weight.shape[0] + weight.numel() / weight.shape[0]));
                Assert.InRange(largest / bound, 0.97, 1.0001);
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cross_attention_adds_what_its_formula_says(bool qkNorm)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        manual_seed(2);
        using var dit = Architecture.Create(Crossing with { QkNorm = qkNorm }, Contexts.Cpu);
        var w = Weights.Of(dit);
        string[] random = ["cross_attn", "norm_cross", "final_layer.linear"];
        foreach (var key in w.Keys.Where(key => random.Any(key.Contains)))
            w[key].normal_();
        var (sample, image) = (randn(CrossingSample), randn(CrossingImage));

        var output = dit.call(sample, tensor([100f, 900f]), new Conditioning { Image = image });

        // the gates of a new block are closed, so cross attention is all that it does
        var (x, c) = (Embed(sample, "x_embedder"), Embed(image, "cond_embedder"));
        var normalised = F.layer_norm(x, [16], w["blocks.0.norm_cross.weight"], w["blocks.0.norm_cross.bias"], 1e-6);
        var q = Heads(Apply(normalised, "q"), "q_norm");
        var kv = Apply(c, "kv").chunk(2, 2);
        var attention = F.softmax(einsum("bnhd,bmhd->bhnm", q, Heads(kv[0], "k_norm")) / S(Math.Sqrt(8)), 3);
        var attended = einsum("bhnm,bmhd->bnhd", attention, kv[1].view(2, -1, 2, 8)).reshape(2, -1, 16);
        x = F.layer_norm(x + Apply(attended, "proj"), [16], eps: 1e-6);
        var patches = F.linear(x, w["final_layer.linear.weight"], w["final_layer.linear.bias"]); // [B, N, 2·2·2·3]
        var expected = einsum("bxyzpqrc->bcxpyqzr", patches.view(2, 2, 3, 4, 2, 2, 2, 3)).reshape(2, 3, 4, 6, 8);
        Assert.True(Reference.Difference(output, expected) < 1e-5);

        Tensor Embed(Tensor volume, string key) =>
            F.conv3d(volume, w[$"{key}.proj.weight"], w[$"{key}.proj.bias"], [2, 2, 2]).flatten(2).transpose(1, 2) + w["pos_embed"];

        Tensor Apply(Tensor tokens, string key) =>
            F.linear(tokens, w[$"blocks.0.cross_attn.{key}.weight"], w[$"blocks.0.cross_attn.{key}.bias"]);

        Tensor Heads(Tensor tokens, string norm) => qkNorm
            ? F.layer_norm(
                tokens.view(2, -1, 2, 8), [8], w[$"blocks.0.cross_attn.{norm}.weight"], w[$"blocks.0.cross_attn.{norm}.bias"], 1e-6)
            : tokens.view(2, -1, 2, 8);
    }

    [Fact]
    public void Cross_attention_starts_without_influence_and_learns_at_once()
    {
        using var scope = NewDisposeScope();
        using var dit = Architecture.Create(Crossing, Contexts.Cpu);
        using (no_grad())
            Weights.Of(dit)["final_layer.linear.weight"].normal_();
        var (sample, times) = (randn(CrossingSample), tensor([100f, 900f]));

        var output = dit.call(sample, times, new Conditioning { Image = randn(CrossingImage) });
        var other = dit.call(sample, times, new Conditioning { Image = randn(CrossingImage) });

        Assert.Equal(0, (output - other).abs().max().ToDouble());
        (output * randn_like(output)).sum().backward();
        var gradient = dit.named_parameters().Single(entry => entry.name == "blocks.0.cross_attn.proj.weight").parameter.grad!;
        Assert.True(gradient.abs().max().ToDouble() > 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Normalised_queries_and_keys_do_not_depend_on_the_size_of_their_weights(bool qkNorm)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        manual_seed(3);
        using var dit = Architecture.Create(Small with { QkNorm = qkNorm }, Contexts.Cpu);
        foreach (var weight in Weights.Of(dit).Values)
            weight.add_(randn_like(weight) * S(0.2));
        Tensor Predict() => dit.call(ones(1, 2, 8, 4).unsqueeze(4).expand(1, 2, 8, 4, 4), tensor([500f]), Conditioning.None);
        var before = Predict();

        foreach (var (key, weight) in Weights.Of(dit).Where(entry => entry.Key.Contains("attn.qkv")))
            weight.narrow(0, 0, 2 * 48).mul_(S(3.0));

        Assert.Equal(qkNorm, Reference.Difference(Predict(), before) < 1e-4);
    }

    [Fact]
    public void Another_grid_than_that_of_the_positions_is_refused()
    {
        using var scope = NewDisposeScope();
        using var dit = Architecture.Create(Small, Contexts.Cpu);
        var refusal = Assert.Throws<ArgumentException>(() => dit.call(randn([1, 2, 4, 4, 4]), tensor([1f]), Conditioning.None));
        Assert.Contains("[1, 2, 4, 4, 4]", refusal.Message);
        Assert.Contains("[B, 2, 8, 4, 4]", refusal.Message);
        Assert.Throws<ArgumentException>(() => dit.call(randn([1, 1, 8, 4, 4]), tensor([1f]), Conditioning.None));
        Assert.Throws<ArgumentException>(() => dit.call(randn([2, 8, 4, 4]), tensor([1f]), Conditioning.None));
    }

    [Fact]
    public void Cross_attention_without_an_image_or_with_another_one_is_refused()
    {
        using var scope = NewDisposeScope();
        using var dit = Architecture.Create(Crossing, Contexts.Cpu);
        var sample = randn(CrossingSample);
        Assert.Contains(
            "none was given",
            Assert.Throws<ArgumentException>(() => dit.call(sample, tensor([1f, 1f]), Conditioning.None)).Message);
        Assert.Contains(
            "image condition is [2, 2,",
            Assert.Throws<ArgumentException>(() => dit.call(sample, tensor([1f, 1f]), new Conditioning { Image = sample })).Message);
    }

    [Theory]
    [InlineData(ImageConditioning.Concat)]
    [InlineData(ImageConditioning.CrossAttn)]
    public void Autocast_predicts_almost_the_same(ImageConditioning conditioning)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        manual_seed(4);
        var crosses = conditioning == ImageConditioning.CrossAttn;
        using var dit = Architecture.Create(
            Crossing with { InChannels = crosses ? 2 : 5, Conditioning = conditioning, ConditionChannels = crosses ? 3 : null },
            Contexts.Cpu);
        foreach (var weight in Weights.Of(dit).Values)
            weight.add_(randn_like(weight) * S(0.1));
        var (sample, times, condition) = (randn(CrossingSample), tensor([100f, 900f]), new Conditioning { Image = randn(CrossingImage) });
        var exact = dit.call(sample, times, condition);

        using (Autocast.Begin(CPU, ScalarType.BFloat16))
            Assert.InRange(Reference.Difference(dit.call(sample, times, condition).to(float32), exact), 1e-6, 0.05);
    }

    // counts of the original system's networks
    [Theory]
    [InlineData("B", 8, 160, 128, 2, 1, 134_625_536)]
    [InlineData("B", 1, 160, 8, 64, 32, 137_451_296)]
    [InlineData("B", 1, 160, 4, 256, 128, 131_774_336)]
    [InlineData("B", 1, 160, 2, 1024, 512, 131_184_896)]
    [InlineData("S", 2, 40, 64, 8, 4, 40_366_496)]
    [InlineData("S", 8, 160, 128, 2, 1, 35_021_696)]
    [InlineData("L", 8, 160, 128, 2, 1, 463_588_864)]
    [InlineData("XL", 8, 160, 128, 2, 1, 681_302_528)]
    public void Variant_has_the_exact_number_of_parameters(
        string variant,
        int patch,
        int depth,
        int size,
        int inChannels,
        int outChannels,
        long expected)
    {
        var options = DiTOptions.Presets[variant] with
        {
            PatchSize = patch,
            DepthSize = depth,
            InputSize = size,
            InChannels = inChannels,
            OutChannels = outChannels,
        };
        Assert.Equal(expected, Parameters(options));
        Assert.Equal(expected, ClosedForm(options));
    }

    // counted in PyTorch, by the implementation that made the tensors of dit3d-cross-tiny
    [Fact]
    public void Options_of_the_original_have_the_exact_number_of_parameters()
    {
        var options = DiTOptions.Presets["B"] with { PatchSize = 8, DepthSize = 160, InputSize = 128, InChannels = 2, OutChannels = 1 };
        Assert.Equal(135_019_264, Parameters(options with { LearnSigma = true }));
        Assert.Equal(
            162_996_224, Parameters(options with { InChannels = 1, Conditioning = ImageConditioning.CrossAttn, ConditionChannels = 1 }));
    }

    [Fact]
    public void Options_change_the_number_of_parameters_as_the_closed_form_says()
    {
        foreach (var options in new[]
                 {
                     Small with { QkNorm = false }, Small with { MlpRatio = 2.5 }, Small with { WidthSize = 12 }, Crossing,
                     Crossing with { QkNorm = false }, Small with { LearnSigma = true }, CrossingReference,
                 })
            Assert.Equal(ClosedForm(options), Parameters(options));
    }

    private static long Parameters(DiTOptions options)
    {
        using var scope = NewDisposeScope();
        using var dit = Architecture.Create(options, Contexts.Meta);
        return dit.parameters().Sum(parameter => parameter.numel());
    }

    // the number of parameters as a formula of the options, derived from the description of the network and not from the code
    private static long ClosedForm(DiTOptions o)
    {
        long e = o.HiddenSize, p3 = o.PatchSize * o.PatchSize * o.PatchSize, inner = (long)(o.MlpRatio * e);
        long voxels = (long)o.DepthSize!.Value * o.InputSize!.Value * (o.WidthSize ?? o.InputSize.Value), tokens = voxels / p3;
        long norms = o.QkNorm ? 4 * e / o.NumHeads : 0, condition = o.ConditionChannels ?? 0;
        var cross = condition > 0 ? 4 * (e * e + e) + norms + 2 * e : 0;
        var block = 4 * (e * e + e) + norms + cross + 2 * e * inner + inner + e + 6 * (e * e + e);
        return o.InChannels!.Value * p3 * e + e + (condition > 0 ? condition * p3 * e + e : 0) + tokens * e + 256 * e + e + e * e + e
            + o.Depth * block + 2 * (e * e + e) + (e + 1) * p3 * o.OutChannels!.Value * (o.LearnSigma ? 2 : 1);
    }

    private static Denoiser WithReferenceWeights()
    {
        var dit = Architecture.Create(Small, Contexts.Cpu);
        Reference.LoadWeights(dit, "dit3d-tiny.weights.safetensors");
        return dit;
    }
}
