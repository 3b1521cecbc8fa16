using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Tests;

public sealed class GradientCheckpointTests
{
    private static nn.Module<Tensor, Tensor> Block() =>
        nn.Sequential(nn.Conv3d(4, 4, 3, padding: 1L), Norms.GroupNorm(2, 4), nn.SiLU(), nn.Dropout(0.3));

    private static (float Loss, float[][] Gradients, float[] InputGradient) Train(
        nn.Module<Tensor, Tensor>[] blocks,
        bool checkpointed,
        bool inputNeedsGradient,
        bool mixed = false)
    {
        using var scope = NewDisposeScope();
        manual_seed(11);
        var input = randn([2, 4, 6, 6, 6]).requires_grad_(inputNeedsGradient);
        var x = input;
        using (mixed ? Autocast.Begin(CPU, ScalarType.BFloat16) : null)
            foreach (var block in blocks)
                x = checkpointed ? GradientCheckpoint.Run(block.forward, x, block.parameters()) : block.forward(x);
        var loss = x.to_type(ScalarType.Float32).square().mean();
        foreach (var block in blocks)
            block.zero_grad();
        GradientCheckpoint.Backward(loss);
        return (
            loss.item<float>(),
            [.. blocks.SelectMany(b => b.parameters()).Select(p => p.grad!.data<float>().ToArray())],
            input.grad?.data<float>().ToArray() ?? []);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Run_gives_the_loss_and_gradients_of_plain_execution(bool inputNeedsGradient, bool mixed)
    {
        using var scope = NewDisposeScope();
        nn.Module<Tensor, Tensor>[] blocks = [Block(), Block(), Block()];
        var plain = Train(blocks, checkpointed: false, inputNeedsGradient, mixed);
        var saved = Train(blocks, checkpointed: true, inputNeedsGradient, mixed);
        Assert.Equal(plain.Loss, saved.Loss);
        Assert.Equal(plain.Gradients, saved.Gradients);
        Assert.Equal(plain.InputGradient, saved.InputGradient);
    }

    [Fact]
    public void Run_of_two_inputs_gives_both_their_gradients()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (tensor(new[] { 2f }).requires_grad_(), tensor(new[] { 5f }).requires_grad_());
        GradientCheckpoint.Backward(GradientCheckpoint.Run(x => (x[0] * x[1] * x[1]).sum(), [a, b], []));
        Assert.Equal(25f, a.grad!.item<float>());
        Assert.Equal(20f, b.grad!.item<float>());
    }

    [Fact]
    public void Run_without_gradients_computes_once()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var calls = 0;
        var y = GradientCheckpoint.Run(x => { calls++; return x + x; }, ones(1).requires_grad_(), []);
        Assert.Equal(2f, y.item<float>());
        Assert.Equal(1, calls);
    }

    [Fact]
    public void Backward_rethrows_what_the_segment_threw_and_the_gradient_is_NaN()
    {
        using var scope = NewDisposeScope();
        var input = ones(3).requires_grad_();
        var calls = 0;
        var y = GradientCheckpoint.Run(x => ++calls == 2 ? throw new TimeoutException("second call") : x.square(), input, []);
        Assert.Equal("second call", Assert.Throws<TimeoutException>(() => GradientCheckpoint.Backward(y.sum())).Message);
        Assert.All(input.grad!.data<float>().ToArray(), g => Assert.True(float.IsNaN(g)));
    }

    [Fact]
    public void Steps_with_checkpoints_leave_no_tensor_behind()
    {
        nn.Module<Tensor, Tensor>[] blocks = [Block(), Block()];
        Train(blocks, checkpointed: true, inputNeedsGradient: true);
        var before = LiveTensors.Settled();
        for (var i = 0; i < 5; i++)
            Train(blocks, checkpointed: true, inputNeedsGradient: true);
        Assert.Equal(before, Tensor.TotalCount);
        foreach (var block in blocks)
            block.Dispose();
    }

    [Fact]
    public void Run_has_a_lower_peak_of_memory()
    {
        PeakOf(checkpointed: true); // what the process allocates once
        var saved = PeakOf(checkpointed: true);
        var plain = PeakOf(checkpointed: false);
        // of 64 activations of 4 MiB, a plain pass keeps all; checkpoints keep 8 inputs, and the activations of the segment at hand
        const long Activation = 4 << 20;
        Assert.InRange(plain, 63 * Activation, 68 * Activation);
        Assert.InRange(saved, 8 * Activation, 32 * Activation);
    }

    /// <summary>Most of what is allocated between two operations, also when a segment is computed again.</summary>
    private static long PeakOf(bool checkpointed)
    {
        using var scope = NewDisposeScope();
        var x = ones([1024, 1024]).requires_grad_();
        var (before, peak) = (NativeHeap.Allocated, 0L);
        for (var i = 0; i < 8; i++)
            x = checkpointed ? GradientCheckpoint.Run(Watched, x, []) : Watched(x);
        GradientCheckpoint.Backward(x.mean());
        return peak - before;

        Tensor Watched(Tensor input)
        {
            var output = Segment(input);
            peak = Math.Max(peak, NativeHeap.Allocated);
            return output;
        }
    }

    private static Tensor Segment(Tensor x)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < 8; i++)
            x = F.silu(x);
        return x.MoveToOuterDisposeScope();
    }
}
