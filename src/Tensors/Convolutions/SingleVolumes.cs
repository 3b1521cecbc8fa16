using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Dispatch;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// Lets oneDNN compute the convolutions of a single small volume. For these libtorch takes kernels of its own, by a rule that was made for
/// images: one sample, and no more than 20,480 elements beside the last extent. A volume of 16 channels and 16×32×32 voxels takes five
/// times as long by them. A tensor in the form that oneDNN alone reads is computed by oneDNN whatever its size.
/// </summary>
public static class SingleVolumes
{
    /// <summary>Elements from which on oneDNN saves more than handing over and back costs.</summary>
    private const long WorthHanding = 8192;

    /// <summary>Elements up to which it is done while training, because autograd keeps both forms: one megabyte of each.</summary>
    private const long WorthKeepingTwice = 262144;

    private static readonly ConditionalWeakTable<Convolution, object> Readied = [];

    /// <summary>
    /// Makes every convolution in a module take oneDNN for single small volumes on a CPU in float32, by hooks around it. Values agree but
    /// for rounding; elsewhere nothing changes. A module may be given several times.
    /// </summary>
    /// <param name="module">Stays the caller's.</param>
    public static void Hasten(nn.Module module)
    {
        foreach (var convolution in module.modules().Prepend(module).OfType<Convolution>())
        {
            if (!CanTake(convolution) || !Readied.TryAdd(convolution, convolution))
                continue;
            convolution.register_forward_pre_hook((_, input) => IsMeant(convolution, input) ? ToOneDnn(input) : input);
            convolution.register_forward_hook((_, _, output) => IsInOneDnn(output) ? ToDense(output) : output);
        }
    }

    /// <summary>Whether a tensor is in the form that oneDNN alone reads.</summary>
    internal static bool IsInOneDnn(Tensor tensor)
    {
        Libtorch.Check(Libtorch.aoti_torch_get_layout(tensor.Handle, out var layout), "reading a tensor's layout");
        GC.KeepAlive(tensor);
        return layout == Libtorch.aoti_torch_layout__mkldnn();
    }

    // others have libtorch's fast kernels in any case (groups), none at all (transposed), or pad by operators of their own
    private static bool CanTake(Convolution convolution) =>
        convolution is Conv2d or Conv3d
        && convolution.groups == 1
        && convolution.padding_mode == PaddingModes.Zeros
        && convolution.padding_type is null
        && convolution.weight.shape[^2..].Any(extent => extent > 1);

    private static bool IsMeant(Convolution convolution, Tensor input) =>
        input.dtype == ScalarType.Float32
        && input.device_type == DeviceType.CPU
        && input.dim() == convolution.weight.dim()
        && input.numel() is var elements and >= WorthHanding
        && (elements <= WorthKeepingTwice || !is_grad_enabled())
        && !OneDnn.Takes(input)
        && OneDnn.Enabled
        && Autocast.Capture(DeviceType.CPU) is not (_, true, _);

    private static Tensor ToOneDnn(Tensor dense) => Dispatcher.Result("aten::to_mkldnn", "", [Dispatcher.Of(dense), Dispatcher.None]);

    private static Tensor ToDense(Tensor inOneDnn) =>
        Dispatcher.Result("aten::to_dense", "", [Dispatcher.Of(inOneDnn), Dispatcher.None, Dispatcher.None]);
}
