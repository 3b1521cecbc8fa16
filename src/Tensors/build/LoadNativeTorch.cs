// Compiled into each program that uses tensors, so that the native libraries are loaded before its first torch call.
using System.Runtime.CompilerServices;

internal static class LoadNativeTorch
{
#pragma warning disable CA2255 // a program's own initializer
    [ModuleInitializer]
    internal static void Load()
    {
        try
        {
            LoadLibraries();
        }
        catch (Exception e) when ((e as DllNotFoundException ?? e.InnerException) is DllNotFoundException reason)
        {
            Console.Error.WriteLine(reason.Message);
            Environment.Exit(2);
        }
    }
#pragma warning restore CA2255

    // a method of its own: VoxelZoo.Tensors' own initializer may fail before the method that names it begins
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LoadLibraries()
    {
        if (VoxelZoo.Tensors.Native.NativeTorch.Load().Warning is { } warning)
            Console.Error.WriteLine($"warning: {warning}");
    }
}
