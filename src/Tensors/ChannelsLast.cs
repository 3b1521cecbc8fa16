using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Convolutions;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// The memory layout in which the channels of a voxel lie side by side, for which TorchSharp has no name. Shapes stay
/// <c>[B, C, D, H, W]</c>; on CPUs, training convolutions of few channels on large grids gains most (docs/tensors.md).
/// </summary>
public static class ChannelsLast
{
    /// <summary>The same tensor with channels-last strides; a view where it has them already. Differentiable.</summary>
    /// <param name="volume"><c>[B, C, D, H, W]</c>, any dtype; stays the caller's.</param>
    /// <returns>Equal values and shape, in the current dispose scope.</returns>
    public static Tensor To(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return volume.permute(0, 2, 3, 4, 1).contiguous().permute(0, 4, 1, 2, 3).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What <c>convolution.forward(input)</c> gives, computed on channels-last input and weights. The module's parameters and their
    /// gradients stay contiguous, so that they can be saved and optimised.
    /// </summary>
    /// <param name="convolution">A convolution with zero padding.</param>
    /// <param name="input"><c>[B, C, D, H, W]</c>; one that is channels-last already is not copied.</param>
    /// <returns><c>[B, C′, D′, H′, W′]</c>, channels-last, in the current dispose scope.</returns>
    /// <exception cref="ArgumentException">The convolution pads with something else than zeros.</exception>
    public static Tensor Convolve(Conv3d convolution, Tensor input)
    {
        if (convolution.padding_mode != PaddingModes.Zeros || convolution.padding_type is not null)
            throw new ArgumentException(
                "channels-last convolution pads with a number of zeros, "
                + $"not with {convolution.padding_type?.ToString() ?? convolution.padding_mode.ToString()}",
                nameof(convolution));

        using var scope = NewDisposeScope();
        var output = Bfloat16Convolutions.Convolve(
            To(input),
            To(convolution.weight!),
            convolution.bias,
            convolution.stride,
            convolution.padding,
            convolution.dilation,
            convolution.groups);
        return output.MoveToOuterDisposeScope();
    }
}
