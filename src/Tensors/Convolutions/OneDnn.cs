using System.Runtime.InteropServices;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>libtorch's switches of the libraries that compute its convolutions on a CPU. Each holds for the whole process.</summary>
internal static partial class OneDnn
{
    /// <summary>libtorch's own bound (<c>ConvParams::use_mkldnn</c>) of a single sample: channels × the first two extents.</summary>
    private const long Small = 20480;

    /// <summary>
    /// Whether libtorch may compute with oneDNN. Where it may not, its own kernels compute: right, and several times slower.
    /// </summary>
    internal static bool Enabled
    {
        get => UserEnabledMkldnn(GlobalContext());
        set => SetUserEnabledMkldnn(GlobalContext(), value);
    }

    /// <summary>
    /// Keeps libtorch from trying NNPACK, which has a kernel for some 2-D convolutions alone and complains at each
    /// where it does not know the CPU.
    /// </summary>
    internal static void DisableNnpack() => SetUserEnabledNnpack(GlobalContext(), false);

    /// <summary>Whether libtorch gives the convolution of an input of float32 to oneDNN by itself, and not to its own kernels.</summary>
    /// <param name="input"><c>[B, C, …]</c>; the kernel of the convolution is not 1 everywhere.</param>
    internal static bool Takes(Tensor input) =>
        input.shape is var shape && (shape[0] > 1 || shape[..4].Aggregate(1L, (product, extent) => product * extent) > Small);

    // exported under their C++ names alone; the methods take the context as their hidden first argument
    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at13globalContextEv")]
    private static partial nint GlobalContext();

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZNK2at7Context17userEnabledMkldnnEv")]
    [return: MarshalAs(UnmanagedType.I1)]
    private static partial bool UserEnabledMkldnn(nint context);

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at7Context20setUserEnabledMkldnnEb")]
    private static partial void SetUserEnabledMkldnn(nint context, [MarshalAs(UnmanagedType.I1)] bool enabled);

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at7Context20setUserEnabledNNPACKEb")]
    private static partial void SetUserEnabledNnpack(nint context, [MarshalAs(UnmanagedType.I1)] bool enabled);
}
