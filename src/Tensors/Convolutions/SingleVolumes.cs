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

    private static readonly ConvolutionHooks Hooks = new();

    /// <summary>
    /// Makes every convolution in a module take oneDNN for single small volumes on a CPU in float32, by hooks around it. Values agree but
    /// for rounding; elsewhere nothing changes. A module may be given several times.
    /// </summary>
    /// <param name="module">Stays the caller's.</param>
    public static void Hasten(nn.Module module) => Hooks.Add(
        module,
        convolution => convolution is Conv2d or Conv3d && ConvolutionHooks.IsPlain(convolution), // transposed ones have no other kernels
        (convolution, input) => IsMeant(convolution, input) ? ToOneDnn(input) : input,
        (_, output) => IsInOneDnn(output) ? ToDense(output) : output);

    /// <summary>Whether a tensor is in the form that oneDNN alone reads.</summary>
    internal static bool IsInOneDnn(Tensor tensor)
    {
        Libtorch.Check(Libtorch.aoti_torch_get_layout(tensor.Handle, out var layout), "reading a tensor's layout");
        GC.KeepAlive(tensor);
        return layout == Libtorch.aoti_torch_layout__mkldnn();
    }

    private static bool IsMeant(Convolution convolution, Tensor input) =>
        ConvolutionHooks.IsFloat32OnCpu(input)
        && input.dim() == convolution.weight!.dim()
        && input.numel() is var elements and >= WorthHanding
        && (elements <= WorthKeepingTwice || !is_grad_enabled())
        && !OneDnn.Takes(input);

    private static Tensor ToOneDnn(Tensor dense) => Dispatcher.Result("aten::to_mkldnn", "", [Dispatcher.Of(dense), Dispatcher.None]);

    private static Tensor ToDense(Tensor inOneDnn) =>
        Dispatcher.Result("aten::to_dense", "", [Dispatcher.Of(inOneDnn), Dispatcher.None, Dispatcher.None]);
}
