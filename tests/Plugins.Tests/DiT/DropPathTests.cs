using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DiT;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.DiT;

public sealed class DropPathTests
{
    private const int Samples = 512;
    private static readonly DiTArchitecture Architecture = new();

    [Theory]
    [InlineData(1, 0.25)] // the first of two blocks leaves out half as often as the last
    [InlineData(2, 0.5)]
    public void Training_leaves_out_a_branch_for_some_samples_and_scales_it_for_the_others(int block, double rate)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = WithOneOpenGate(block, dropPath: 0.5);
        var (closed, usual) = (Predict(dit, gate: 0, block), Predict(dit, gate: 1, block));
        var scaled = Predict(dit, gate: 1 / (1 - rate), block);
        Assert.True(Reference.Difference(usual, closed) > 1e-2);

        dit.train();
        manual_seed(5);
        var trained = Predict(dit, gate: 1, block, Samples);

        var leftOut = Equal(trained, closed);
        Assert.True(leftOut.logical_xor(Equal(trained, scaled)).all().item<bool>());
        // five standard deviations
        Assert.Equal(rate, leftOut.to(float64).mean().ToDouble(), 5 * Math.Sqrt(rate * (1 - rate) / Samples));
    }

    [Fact]
    public void Without_drop_path_training_predicts_as_evaluation_does()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var dit = WithOneOpenGate(block: 2, dropPath: 0);
        var evaluated = Predict(dit, 1, block: 2);
        dit.train();
        Assert.Equal(0, (Predict(dit, 1, block: 2) - evaluated).abs().max().ToDouble());
    }

    [Fact]
    public void Training_also_leaves_out_the_cross_attention()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        manual_seed(6);
        using var dit = Architecture.Create(
            Options(0.5) with { Depth = 1, Conditioning = ImageConditioning.CrossAttn, ConditionChannels = 1 }, Contexts.Cpu);
        var weights = Weights.Of(dit);
        weights["final_layer.linear.weight"].normal_();
        weights["blocks.0.cross_attn.proj.weight"].normal_();
        var image = new Conditioning { Image = ones([Samples, 1, 2, 2, 2]) };
        dit.train();

        var outputs = dit.call(ones([Samples, 1, 2, 2, 2]), ones(Samples), image);

        var distinct = outputs.select(2, 0).select(2, 0).select(2, 0).flatten().mul(S(1e3)).round().unique().output;
        Assert.Equal(2, distinct.numel());
    }

    // blocks of which the attention of one has a gate; all others are the identity
    private static Denoiser WithOneOpenGate(int block, double dropPath)
    {
        manual_seed(7);
        var dit = Architecture.Create(Options(dropPath), Contexts.Cpu);
        Weights.Of(dit)["final_layer.linear.weight"].normal_();
        Open(dit, 1, block);
        dit.eval();
        return dit;
    }

    private static DiTOptions Options(double dropPath) => new()
    {
        InChannels = 1,
        OutChannels = 1,
        InputSize = 2,
        DepthSize = 2,
        PatchSize = 1,
        HiddenSize = 12,
        Depth = 2,
        NumHeads = 2,
        DropPath = dropPath,
    };

    private static Tensor Predict(Denoiser dit, double gate, int block, int samples = 1)
    {
        Open(dit, gate, block);
        return dit.call(linspace(-1, 1, 8).view(1, 1, 2, 2, 2).expand(samples, 1, 2, 2, 2), ones(samples), Conditioning.None);
    }

    // shift, scale, gate: the third of the six vectors
    private static void Open(Denoiser dit, double gate, int block) =>
        Weights.Of(dit)[$"blocks.{block - 1}.adaLN_modulation.1.bias"].narrow(0, 2 * 12, 12).fill_(S(gate));

    private static Tensor Equal(Tensor samples, Tensor expected) => (samples - expected).abs().amax([1, 2, 3, 4]).lt(S(1e-5));
}
