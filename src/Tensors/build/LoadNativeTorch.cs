// Compiled into each program that uses tensors, so that the native libraries are loaded before its first torch call.
using System.Runtime.CompilerServices;

internal static class LoadNativeTorch
{
#pragma warning disable CA2255 // a program's own initializer
    [ModuleInitializer]
    internal static void Load() => VoxelZoo.Tensors.Native.NativeTorch.Load();
#pragma warning restore CA2255
}
