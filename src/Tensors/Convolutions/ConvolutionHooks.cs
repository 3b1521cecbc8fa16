using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>Has convolutions computed in another form than libtorch takes by itself, by hooks around them; each convolution once.</summary>
internal sealed class ConvolutionHooks
{
    private readonly ConditionalWeakTable<Convolution, object> _readied = [];

    /// <summary>Puts hooks around those convolutions of a module that have none of these yet.</summary>
    /// <param name="module">Stays the caller's.</param>
    /// <param name="canTake">Whether it may ever be computed in the other form.</param>
    /// <param name="enter">Brings an input into the other form, or leaves it as it is.</param>
    /// <param name="leave">Brings an output back, given the input as it came in after all of these hooks.</param>
    public void Add(
        nn.Module module,
        Func<Convolution, bool> canTake,
        Func<Convolution, Tensor, Tensor> enter,
        Func<Tensor, Tensor, Tensor> leave)
    {
        foreach (var convolution in module.modules().Prepend(module).OfType<Convolution>())
        {
            if (!canTake(convolution) || !_readied.TryAdd(convolution, convolution))
                continue;
            convolution.register_forward_pre_hook((_, input) => enter(convolution, input));
            convolution.register_forward_hook((_, input, output) => leave(input, output));
        }
    }

    /// <summary>
    /// Whether libtorch computes it by one convolution with kernels of more than one voxel: others are fast in any case (groups), or pad
    /// by operators of their own.
    /// </summary>
    public static bool IsPlain(Convolution convolution) =>
        convolution.groups == 1
        && convolution.padding_mode == PaddingModes.Zeros
        && convolution.padding_type is null
        && convolution.weight!.shape[2..].Any(extent => extent > 1);

    /// <summary>Whether an input is to be computed in float32 on a CPU, where oneDNN is on.</summary>
    public static bool IsFloat32OnCpu(Tensor input) =>
        input.dtype == ScalarType.Float32
        && input.device_type == DeviceType.CPU
        && OneDnn.Enabled
        && Autocast.Capture(DeviceType.CPU) is not (_, true, _);
}
