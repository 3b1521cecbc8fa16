using System.Runtime.InteropServices;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Dispatch;

/// <summary>
/// Calls ATen operators by name with plain doubles and tensor lists: foreach and fused kernels that TorchSharp does not bind,
/// and no <c>Scalar</c> objects (operators whose schema has a <c>Scalar</c> are out of this interface's reach). Every argument of
/// the schema is given, in its order.
/// </summary>
internal static unsafe class Dispatcher
{
    /// <summary>An argument as the interface wants it: 64 bits.</summary>
    internal static ulong Number(double value) => BitConverter.DoubleToUInt64Bits(value);

    /// <summary>A truth value.</summary>
    internal static ulong Flag(bool value) => value ? 1UL : 0UL;

    /// <summary>An absent optional argument.</summary>
    internal const ulong None = 0;

    /// <summary>A tensor argument: a second handle, which the call takes over.</summary>
    internal static ulong Of(Tensor tensor)
    {
        Libtorch.Check(Libtorch.aoti_torch_new_tensor_handle(tensor.Handle, out var copy), "copying a tensor's handle");
        GC.KeepAlive(tensor);
        return (ulong)copy;
    }

    /// <summary>A tensor list argument, which the call takes over.</summary>
    internal static ulong Of(IReadOnlyList<Tensor> tensors)
    {
        Libtorch.Check(Libtorch.torch_new_list_reserve_size((nuint)tensors.Count, out var list), "making a tensor list");
        foreach (var tensor in tensors)
            Libtorch.Check(Libtorch.torch_list_push_back(list, Of(tensor)), "filling a tensor list");
        return (ulong)list;
    }

    /// <summary>Calls <paramref name="operation"/> (<c>aten::name</c>) with its arguments, in place: results are not read.</summary>
    /// <exception cref="ExternalException">libtorch refused; its message is on standard error.</exception>
    internal static void Call(string operation, string overload, Span<ulong> stack)
    {
        fixed (ulong* first = stack)
            Libtorch.Check(Libtorch.torch_call_dispatcher(operation, overload, first, Libtorch.Version), operation);
    }

    /// <summary>Calls an operation that gives one tensor.</summary>
    /// <returns>The result, in the current dispose scope.</returns>
    /// <exception cref="ExternalException">libtorch refused; its message is on standard error.</exception>
    internal static Tensor Result(string operation, string overload, Span<ulong> stack)
    {
        Call(operation, overload, stack);
        return Tensor.UnsafeCreateTensor((nint)stack[0]);
    }
}
