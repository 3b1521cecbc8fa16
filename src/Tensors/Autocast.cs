using System.Runtime.InteropServices;
using TorchSharp;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Automatic mixed precision, which TorchSharp does not bind: inside a scope, convolutions and matrix products run in a half
/// precision, losses and reductions in float32; parameters and their gradients stay float32.
/// </summary>
public static partial class Autocast
{
    /// <summary>
    /// Begins mixed precision on this thread for one kind of device; other threads are not affected. Scopes nest, and disposing one
    /// brings back what was before.
    /// </summary>
    /// <param name="device">CPU or CUDA.</param>
    /// <param name="dtype">BFloat16, or Float16 (which needs gradient scaling to train).</param>
    /// <returns>The scope; dispose it on the thread that began it.</returns>
    /// <exception cref="ArgumentException">Another device or dtype.</exception>
    public static IDisposable Begin(Device device, ScalarType dtype)
    {
        if (device.type is not (DeviceType.CPU or DeviceType.CUDA))
            throw new ArgumentException($"autocast is for CPU and CUDA, not {device.type}", nameof(device));
        if (dtype is not (ScalarType.BFloat16 or ScalarType.Float16))
            throw new ArgumentException($"autocast computes in BFloat16 or Float16, not {dtype}", nameof(dtype));
        return new Scope((sbyte)device.type, enabled: true, (sbyte)dtype);
    }

    /// <summary>
    /// Ends mixed precision on this thread until the scope is disposed, for what needs every digit: distances, codebooks.
    /// </summary>
    /// <param name="device">The device that computes.</param>
    public static IDisposable Suspend(Device device) => new Scope((sbyte)device.type, enabled: false, DtypeOf((sbyte)device.type));

    /// <summary>The thread's autocast state of a device, to be brought back elsewhere.</summary>
    internal static (sbyte Device, bool Enabled, sbyte Dtype) Capture(DeviceType device) =>
        ((sbyte)device, IsEnabled((sbyte)device), DtypeOf((sbyte)device));

    internal static IDisposable Restore((sbyte Device, bool Enabled, sbyte Dtype) state) =>
        new Scope(state.Device, state.Enabled, state.Dtype);

    private sealed class Scope : IDisposable
    {
        private readonly sbyte _device, _dtypeBefore;
        private readonly bool _enabledBefore;
        private bool _done;

        internal Scope(sbyte device, bool enabled, sbyte dtype)
        {
            if (enabled)
                SignalStack.Widen();
            (_device, _enabledBefore, _dtypeBefore) = (device, IsEnabled(device), DtypeOf(device));
            SetDtype(device, dtype);
            SetEnabled(device, enabled);
            IncrementNesting();
        }

        public void Dispose()
        {
            if (_done)
                return;
            _done = true;
            if (DecrementNesting() == 0)
                ClearCache(); // half-precision copies of the weights
            SetEnabled(_device, _enabledBefore);
            SetDtype(_device, _dtypeBefore);
        }
    }

    // libtorch 2.10 exports these only under their C++ names; another version fails with the name in the message
    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb")]
    private static partial void SetEnabled(sbyte device, [MarshalAs(UnmanagedType.I1)] bool enabled);

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE")]
    [return: MarshalAs(UnmanagedType.I1)]
    private static partial bool IsEnabled(sbyte device);

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE")]
    private static partial void SetDtype(sbyte device, sbyte dtype);

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast18get_autocast_dtypeEN3c1010DeviceTypeE")]
    private static partial sbyte DtypeOf(sbyte device);

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast17increment_nestingEv")]
    private static partial int IncrementNesting();

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast17decrement_nestingEv")]
    private static partial int DecrementNesting();

    [LibraryImport(Libtorch.Library, EntryPoint = "_ZN2at8autocast11clear_cacheEv")]
    private static partial void ClearCache();
}
