using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>A convolution of a certain shape, which can be tried: is what libtorch computes for it right?</summary>
/// <param name="Input"><c>[B, C, H, W]</c> or <c>[B, C, D, H, W]</c>.</param>
/// <param name="Weight"><c>[C′, C/groups, …]</c>, or <c>[C, C′/groups, …]</c> of a transposed one.</param>
/// <param name="Stride">By dimension.</param>
/// <param name="Padding">Zeros on both sides, by dimension.</param>
/// <param name="Dilation">By dimension.</param>
/// <param name="Groups">Groups of channels.</param>
/// <param name="Transposed">Whether it is a transposed convolution.</param>
/// <param name="ChannelsLast">Whether input and weights have channels-last strides.</param>
internal sealed record ConvolutionCall(
    long[] Input, long[] Weight, long[] Stride, long[] Padding, long[] Dilation, long Groups = 1, bool Transposed = false,
    bool ChannelsLast = false)
{
    /// <summary>Largest error, as a part of the largest value, that rounding explains.</summary>
    private const double Float32Rounding = 1e-4, BFloat16Rounding = 2e-2;

    /// <summary>One with a cubic kernel and zeros around, so that stride 1 keeps the extents.</summary>
    internal static ConvolutionCall Cubic(
        long input, long output, long kernel, long stride, long depth, long height, long width, bool channelsLast = false) =>
        new(
            [2, input, depth, height, width],
            [output, input, kernel, kernel, kernel],
            [stride, stride, stride],
            [kernel / 2, kernel / 2, kernel / 2],
            [1, 1, 1],
            ChannelsLast: channelsLast);

    /// <summary>What a module does with an input of this shape.</summary>
    internal static ConvolutionCall Of(Convolution module, long[] input) =>
        new(input, module.weight.shape, module.stride, PaddingOf(module), module.dilation, module.groups, module.transposed);

    /// <summary>Tells calls apart.</summary>
    internal string Key =>
        $"{Join(Input)} {Join(Weight)} {Join(Stride)} {Join(Padding)} {Join(Dilation)} {Groups} {Transposed} {ChannelsLast}";

    /// <summary>Whether forward pass, gradient of the input and gradient of the weights are right but for rounding.</summary>
    /// <param name="dtype">What is computed in: Float32 or BFloat16.</param>
    /// <param name="reference">
    /// What is compared with: Float64, which libtorch computes by kernels of its own, or a Float32 that is known to be right.
    /// </param>
    internal bool IsRight(ScalarType dtype, ScalarType reference = ScalarType.Float64) =>
        Error(dtype, reference) < (dtype == ScalarType.Float32 ? Float32Rounding : BFloat16Rounding);

    /// <summary>Largest error of the three, as a part of the largest value; NaN where what came is no number.</summary>
    internal double Error(ScalarType dtype, ScalarType reference = ScalarType.Float64)
    {
        SignalStack.Widen(); // for bfloat16
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        using var exact = Autocast.Suspend(CPU);
        using var random = new Generator(1, CPU);
        Tensor input = Draw(Input), weight = Draw(Weight);
        var right = Results(input, weight, reference, random);
        UninitializedMemory.Spoil([input.numel(), weight.numel(), right[0].numel()]);
        var computed = Results(input, weight, dtype, random);
        return computed.Zip(right).Max(pair => Error(pair.First, pair.Second));

        // numbers that bfloat16 holds exactly, so that both compute with the same
        Tensor Draw(long[] shape) => randn(shape, generator: random).to(ScalarType.BFloat16);
    }

    private Tensor[] Results(Tensor input, Tensor weight, ScalarType dtype, Generator random)
    {
        input = Laid(input.to(dtype)).detach().requires_grad_();
        weight = Laid(weight.to(dtype)).detach().requires_grad_();
        var output = Apply(input, weight);
        random.manual_seed(2);
        output.backward([randn(output.shape, generator: random).to(ScalarType.BFloat16).to(dtype)]);
        return [output.detach(), input.grad!, weight.grad!];
    }

    private Tensor Laid(Tensor tensor) => ChannelsLast ? Tensors.ChannelsLast.To(tensor) : tensor;

    private Tensor Apply(Tensor input, Tensor weight) => (Transposed, input.dim()) switch
    {
        (false, 3) => F.conv1d(input, weight, null, Stride[0], Padding[0], Dilation[0], Groups),
        (false, 4) => F.conv2d(input, weight, null, Stride, Padding, Dilation, Groups),
        (false, _) => F.conv3d(input, weight, null, Stride, Padding, Dilation, Groups),
        (true, 3) => F.conv_transpose1d(input, weight, null, Stride[0], Padding[0], groups: Groups, dilation: Dilation[0]),
        (true, 4) => F.conv_transpose2d(input, weight, null, Stride, Padding, groups: Groups, dilation: Dilation),
        (true, _) => F.conv_transpose3d(input, weight, null, Stride, Padding, groups: Groups, dilation: Dilation),
    };

    private static double Error(Tensor computed, Tensor right)
    {
        var (found, expected) = (computed.to(ScalarType.Float64), right.to(ScalarType.Float64));
        var (difference, largest) = ((found - expected).abs().max(), expected.abs().max());
        var error = difference.item<double>() / largest.item<double>();
        return double.IsFinite(error) ? error : double.PositiveInfinity;
    }

    // "same" and "valid" are words where the others are numbers
    private static long[] PaddingOf(Convolution module) => module.padding_type switch
    {
        TorchSharp.Padding.Same => [.. module.kernel_size.Zip(module.dilation, (kernel, dilation) => (kernel - 1) * dilation / 2)],
        _ => module.padding ?? [.. module.kernel_size.Select(_ => 0L)],
    };

    private static string Join(long[] numbers) => string.Join(',', numbers);
}
