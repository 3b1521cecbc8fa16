using System.Runtime.InteropServices;
using TorchSharp;

namespace VoxelZoo.Tensors.Native;

/// <summary>
/// The part of libtorch 2.10's C interface that TorchSharp does not bind. A TorchSharp <c>Tensor.Handle</c> is an <c>at::Tensor*</c>,
/// which this interface calls an AtenTensorHandle. Nothing here keeps tensors alive: callers do.
/// </summary>
internal static unsafe partial class Libtorch
{
    /// <summary>Resolved to the libtorch that <see cref="NativeTorch"/> loaded, never to another one on the system.</summary>
    internal const string Library = "torch_cpu";

    /// <summary>libtorch 2.10 in the form that its stable interface takes: major and minor version in the highest bytes.</summary>
    internal const ulong Version = (2UL << 56) | (10UL << 48);

    /// <summary>Address of the tensor's first element; storage offsets are included.</summary>
    internal static nint DataPointer(torch.Tensor tensor)
    {
        Check(aoti_torch_get_data_ptr(tensor.Handle, out var pointer), "reading a tensor's address");
        GC.KeepAlive(tensor);
        return pointer;
    }

    internal static void Check(int error, string what)
    {
        if (error != 0)
            throw new ExternalException($"libtorch failed at {what}; its own message is on standard error");
    }

    [LibraryImport(Library)]
    internal static partial int aoti_torch_get_data_ptr(nint tensor, out nint pointer);

    [LibraryImport(Library)]
    internal static partial int aoti_torch_new_tensor_handle(nint tensor, out nint copy);

    [LibraryImport(Library)]
    internal static partial int aoti_torch_get_layout(nint tensor, out int layout);

    [LibraryImport(Library)]
    internal static partial int aoti_torch_layout__mkldnn();

    [LibraryImport(Library)]
    internal static partial int torch_new_list_reserve_size(nuint size, out nint list);

    [LibraryImport(Library)]
    internal static partial int torch_list_push_back(nint list, ulong element);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int torch_call_dispatcher(string operation, string overload, ulong* stack, ulong version);
}
